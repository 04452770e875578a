//! The payment terminal and the QR codes of a station (Part 2, 2.4.1 and 2.4.2).

use super::{
    super::payment::details, Device, Domain, Mutability, Variable, boolean, decimal, integer, members, options, text,
};
use crate::pics::Pics;

/// The query parameters of a QR code's address.
const PARAMETERS: [&str; 3] = ["maxtime", "maxenergy", "maxcost"];

impl Device {
    fn add_variable(
        &mut self,
        component: &'static str,
        name: &'static str,
        instance: Option<&'static str>,
        mutability: Mutability,
        (value, domain): (String, Domain),
    ) {
        self.variables.push(Variable { instance, ..Variable::new(component, name, mutability, (value, domain)) });
    }

    /// What a station has that takes payments.
    pub fn add_payment(&mut self, pics: &Pics) {
        use Mutability::{ReadOnly as R, ReadWrite as RW, WriteOnly as W};
        if pics.is_yes("P-2.2") {
            let all = details();
            for (name, mutability, value) in [
                ("Enabled", RW, boolean(true)),
                ("Problem", R, boolean(false)),
                ("AuthorizeDirectPayment", RW, boolean(false)),
                ("AuthorizationAmount", RW, decimal(50.0, 0.0, 1000.0)),
                ("IncrementalAuthorizationAmount", RW, decimal(0.0, 0.0, 1000.0)),
                ("IncrementalAuthorizationThreshold", RW, decimal(2.0, 0.0, 1000.0)),
                ("PaymentDetails", RW, members(&all[..1], &all)),
                ("SettlementByCSMS", RW, boolean(false)),
                ("ReceiptServerUrl", RW, text("https://receipts.example.com/", 2000)),
                ("ReceiptByCSMS", RW, boolean(false)),
                ("TerminalID", R, text("T0000001", 50)),
                ("PaymentServiceProvider", R, text("Example PSP", 50)),
                ("VendorName", R, text(&pics.product.vendor.chars().take(50).collect::<String>(), 50)),
                ("Model", R, text("Terminal", 50)),
                ("SerialNumber", R, text("T0000001", 50)),
                ("FirmwareVersion", R, text("1", 50)),
                ("IMSI", R, text("001010000000001", 20)),
                ("ICCID", R, text("89000000000000000001", 20)),
                ("Connected", R, boolean(true)),
            ] {
                self.add_variable("PaymentCtrlr", name, None, mutability, value);
            }
            for instance in ["Id", "TaxId", "Name", "Address", "City"] {
                self.add_variable("PaymentCtrlr", "Merchant", Some(instance), RW, text("", 100));
            }
        }
        if pics.is_yes("P-2.4") {
            let parameters = PARAMETERS.map(str::to_owned);
            let template = "https://pay.example.com/{chargingstationid}/{evse}?totp={totp}&v={version}";
            for (name, mutability, value) in [
                ("Enabled", RW, boolean(true)),
                ("URLTemplate", RW, text(template, 2000)),
                ("URLParameters", RW, members(&parameters, &parameters)),
                ("TOTPVersion", RW, options("v1", &["v1"])),
                ("ValidityTime", RW, integer(30, 6, 3600)),
                ("SharedSecret", W, text("", 255)),
                ("Length", RW, integer(8, 6, 32)),
            ] {
                self.add_variable("WebPaymentsCtrlr", name, None, mutability, value);
            }
        }
    }
}
