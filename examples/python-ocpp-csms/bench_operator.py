#!/usr/bin/env python3
"""Has manual actions done by csms.py: `ocpp-attest run --operator exec:examples/python-ocpp-csms/bench_operator.py`.

Standard input is `{"action": …, "parameters": {…}, "prompt": …}`. Exit status 0: done, or so it is; 1: not
possible here; 2: it is not so; 3: the CSMS failed.
"""

import json
import re
import sys
import urllib.error
import urllib.request

BASE = "http://127.0.0.1:9170/api"
asked = json.load(sys.stdin)
parameters = asked["parameters"]
match asked["action"]:
    case "send":
        action = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", parameters["action"]).lower()
        path, body = f"octt/2.0.1/{parameters['station']}/{action}", parameters["payload"]
    case "configure" if parameters["what"] == "next-boot":
        path = f"configure/{parameters['station']}/next-boot"
        body = {"status": parameters["value"], "interval": parameters["interval"]}
    case "check-variable":
        path, body = f"check/{parameters['station']}/variable", parameters
    case other:
        sys.exit(f"csms.py can't do `{other}`")
request = urllib.request.Request(f"{BASE}/{path}", json.dumps(body).encode(), method="POST")
try:
    urllib.request.urlopen(request, timeout=40).read()
except urllib.error.HTTPError as error:
    print(error.read().decode().strip(), file=sys.stderr)
    sys.exit({409: 1, 501: 1, 417: 2}.get(error.code, 3))
