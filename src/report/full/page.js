(function () {
'use strict';
// Everything that came from the product goes into the page as text nodes, never as markup.
var SVG = 'http://www.w3.org/2000/svg';
function put(node, attributes, children) {
  Object.keys(attributes || {}).forEach(function (name) { node.setAttribute(name, attributes[name]); });
  (children || []).forEach(function (child) {
    if (child !== null && child !== undefined) node.append(child);
  });
  return node;
}
function el(name, attributes, children) { return put(document.createElement(name), attributes, children); }
function svg(name, attributes, children) { return put(document.createElementNS(SVG, name), attributes, children); }
function read(id) {
  var node = document.getElementById('data-' + id);
  return node ? JSON.parse(node.textContent) : null;
}
function clip(text, letters) {
  return text.length <= letters ? text : letters < 2 ? '' : text.slice(0, letters - 1) + '…';
}
// Control characters and reversals of the reading direction are shown, not obeyed.
function tame(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, function (one) {
    return '\\u{' + one.charCodeAt(0).toString(16) + '}';
  });
}
var texts = null;
function requirement(id) {
  texts = texts || read('requirements') || {};
  return Object.prototype.hasOwnProperty.call(texts, id) ? texts[id] : '';
}

// A frame laid out as it came, a member per line; null when it is no JSON.
function layOut(text) {
  var at = 0, lines = [], path = [], gap = /[ \t\r\n]*/y, word = /[^,\]\} \t\r\n:]+/y, string = /"(?:[^"\\]|\\[^])*"/y;
  function peek() { gap.lastIndex = at; gap.test(text); at = gap.lastIndex; return text[at]; }
  function take(pattern) {
    peek(); pattern.lastIndex = at;
    var found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found ? found[0] : null;
  }
  function value(depth, key, comma) {
    var open = peek(), ok = true;
    if (depth > 40 || open === undefined) return false;
    if (open !== '{' && open !== '[') {
      var scalar = take(open === '"' ? string : word);
      if (scalar === null) return false;
      lines.push({ depth: depth, key: key, value: scalar, path: path.slice() });
      return true;
    }
    var close = open === '{' ? '}' : ']', index = 0;
    at++;
    if (peek() === close) { at++; lines.push({ depth: depth, key: key, value: open + close, path: path.slice() }); return true; }
    lines.push({ depth: depth, key: key, value: open, path: path.slice() });
    for (;;) {
      var name = null;
      if (open === '{') {
        name = take(string);
        if (name === null || peek() !== ':') return false;
        at++;
      }
      try { path.push(name === null ? String(index++) : JSON.parse(name)); } catch (e) { return false; }
      ok = value(depth + 1, name);
      path.pop();
      if (!ok) return false;
      if (peek() !== ',') break;
      at++; lines[lines.length - 1].comma = true;
    }
    if (peek() !== close) return false;
    at++; lines.push({ depth: depth, value: close, path: path.slice() });
    return true;
  }
  return value(0, null) && peek() === undefined ? lines : null;
}
function startsWith(path, start) {
  return path.length >= start.length && start.every(function (name, index) { return path[index] === name; });
}
function showFrame(text, pointers) {
  var lines = layOut(text), pre = el('pre', { class: 'frame' });
  if (!lines) { pre.append(tame(text)); return pre; }
  var payload = lines.some(function (line) { return line.path[0] === '3'; }) ? '3' : '2';
  var wanted = pointers.map(function (pointer) {
    var path = [payload].concat(pointer.split('/').slice(1).map(function (name) {
      return name.replace(/~1/g, '/').replace(/~0/g, '~');
    }));
    while (path.length && !lines.some(function (line) { return startsWith(line.path, path); })) path.pop();
    return path;
  }).filter(function (path) { return path.length; });
  lines.slice(0, 3000).forEach(function (line) {
    var marked = wanted.some(function (path) { return startsWith(line.path, path); });
    var into = el(marked ? 'mark' : 'span');
    pre.append('  '.repeat(line.depth));
    if (line.key) into.append(el('span', { class: 'k' }, [tame(line.key)]), ': ');
    var first = line.value[0];
    into.append(el('span', { class: first === '"' ? 's' : /[-0-9tfn]/.test(first) ? 'd' : '' }, [tame(line.value)]));
    if (line.comma) into.append(',');
    pre.append(into, '\n');
  });
  if (lines.length > 3000) pre.append('… ' + (lines.length - 3000) + ' more lines');
  return pre;
}

// What the diagram and the raw trace call an event.
function named(data) {
  var calls = {};
  return data.events.map(function (event) {
    var kind = event[0], one = { kind: kind, at: event[1], text: String(event[2]), more: event[3], marks: [] };
    if (kind === '<' || kind === '>') {
      var frame = null;
      try { frame = JSON.parse(one.text); } catch (e) { frame = null; }
      var type = Array.isArray(frame) ? frame[0] : null, key = type !== null ? String(frame[1]) : '';
      if (type === 2) {
        one.form = 'call'; one.label = String(frame[2]); one.payload = frame[3];
        calls[kind + key] = { label: one.label, at: one.at };
      } else if (type === 3 || type === 4) {
        var asked = calls[(kind === '<' ? '>' : '<') + key];
        one.form = type === 3 ? 'result' : 'error';
        one.label = asked ? asked.label : 'answer to nothing';
        one.took = asked ? one.at - asked.at : null;
        one.payload = type === 3 ? frame[2] : null;
        one.extra = type === 4 ? String(frame[2]) : '';
      } else if (type === 5) {
        // Who sent the CALL refuses the answer to it (OCPP 2.1).
        var own = calls[kind + key];
        one.form = 'error'; one.label = own ? own.label : 'answer to nothing';
        one.payload = null; one.extra = String(frame[2]);
      } else if (type === 6) {
        one.form = 'call'; one.label = String(frame[2]); one.payload = frame[3];
      } else {
        one.form = 'garbage'; one.label = 'no OCPP-J frame';
      }
    }
    return one;
  });
}
function gist(payload) {
  var words = [];
  function gather(value, depth) {
    Object.keys(value).some(function (name) {
      var member = value[name];
      if (Array.isArray(value) && name !== '0') return true;
      if (member !== null && typeof member === 'object') { if (depth < 4) gather(member, depth + 1); }
      else if (name !== 'timestamp') words.push((name === 'name' || /^[0-9]+$/.test(name) ? '' : name + ' ') + String(member));
      return words.length > 5;
    });
  }
  if (payload && typeof payload === 'object') gather(payload, 0);
  return tame(words.join(', '));
}

var PHASES = { prepare: 'Preparation', before: 'Before', main: 'Test', after: 'Tidying up' };
// Which rows are shown at first: preparation folded, and of what is long the beginning and the surroundings of the marks.
var FIRST = 90, AROUND = 15;
function rows(data, events) {
  var list = [], phase = null, folded = null, marked = {};
  data.marks.forEach(function (mark) { marked[mark[0]] = true; });
  events.forEach(function (event, index) {
    if (event.kind === 'n') phase = data.steps[event.text] ? data.steps[event.text][0] : phase;
    var side = phase === 'prepare' || phase === 'after';
    list.push({ event: event, index: index, phase: phase, aside: side });
  });
  var out = [], hidden = null, main = 0;
  list.forEach(function (row) {
    var near = data.marks.some(function (mark) { return Math.abs(mark[0] - row.index) <= AROUND; });
    var hide = !near && (row.aside || main >= FIRST);
    if (!row.aside) main++;
    if (!hide) { hidden = null; out.push(row); return; }
    var why = row.aside ? row.phase : 'more';
    if (!hidden || hidden.why !== why) { hidden = { gap: [], why: why }; out.push(hidden); }
    hidden.gap.push(row);
  });
  return out.map(function (row) { return row.gap && row.gap.length < 3 && row.why === 'more' ? row.gap : [row]; }).flat();
}

function diagram(data, events, choose) {
  var box = el('div', { class: 'diagram' }), open = rows(data, events);
  function draw() {
    var width = Math.max(box.clientWidth || 600, 280), small = width < 520;
    var manual = events.some(function (event) { return event.kind === 'q' || event.kind === 'r'; });
    var clock = small ? 46 : 66, sut = clock + 24, right = width - (small ? 28 : 44);
    var harness = manual ? sut + (right - sut) * 0.72 : right, letter = 6.5;
    var y = 34, parts = [], last = null, notes = [], phase = null;
    function group(kind, height, children, row) {
      var hit = svg('rect', { class: 'hit', x: 0, y: y, width: width, height: height });
      var attributes = { class: 'row ' + kind };
      if (row) { attributes.tabindex = '0'; attributes.role = 'button'; }
      var node = svg('g', attributes, [hit].concat(children));
      y += height;
      parts.push(node);
      return node;
    }
    function time(event, base) {
      var text = (event.at - data.t0).toFixed(3);
      if (text === last) return null;
      last = text;
      return svg('text', { class: 't', x: clock - 6, y: base, 'text-anchor': 'end' }, [text]);
    }
    function arrow(from, to, base) {
      var way = to > from ? 1 : -1;
      return [svg('path', { class: 'arrow', d: 'M' + from + ' ' + base + 'H' + (to - way * 7) }),
        svg('path', { class: 'tip', d: 'M' + to + ' ' + base + 'l' + (-way * 8) + ' -4v8z' })];
    }
    function link(event, kind, text) {
      var base = y + 14, middle = (sut + harness) / 2;
      var shown = clip(tame(text), Math.floor((harness - sut - 16) / 6.8));
      var half = shown.length * 3.3 + 8;
      group('link ' + kind, 24, [time(event, base + 4),
        svg('line', { x1: sut, x2: Math.max(sut, middle - half), y1: base, y2: base }),
        svg('line', { x1: Math.min(harness, middle + half), x2: harness, y1: base, y2: base }),
        svg('text', { x: middle, y: base + 4, 'text-anchor': 'middle' }, [shown])], event);
    }
    function add(row) {
      if (row.gap) {
        var count = row.gap.length, word = row.why === 'prepare' ? 'Preparation: ' : row.why === 'after' ? 'Tidying up: ' : '';
        var bar = group('gap', 28, [svg('text', { x: sut, y: y + 18 }, ['▸ ' + word + count + ' more'])], row);
        bar.addEventListener('click', function () { open.splice.apply(open, [open.indexOf(row), 1].concat(row.gap)); draw(); });
        return;
      }
      var event = row.event, base;
      switch (event.kind) {
        case 'n':
          var step = data.steps[event.text];
          if (!step) return;
          var state = step[5] === 'failed' ? ' failed' : step[5] === 'skipped' ? ' skipped' : '';
          var words = clip(tame(step[2]), Math.floor((width - clock - 30) / letter));
          var turn = step[0] !== phase ? PHASES[step[0]] || tame(step[0]) : '';
          phase = step[0];
          y += 6;
          parts.push(svg('g', { class: 'note' + state }, [svg('rect', { x: clock, y: y, width: width - clock, height: 22 }),
            svg('text', { x: clock + 10, y: y + 15 }, [words]), time(event, y + 15),
            turn && !small ? svg('text', { class: 'phase-name', x: width - 10, y: y + 15 }, [turn]) : null]));
          y += 28;
          return;
        case 'o': return link(event, '', 'open ' + event.text);
        case 'x': return link(event, 'down', event.text);
        case 'a': return link(event, 'bad', event.text);
        case 'p': return link(event, 'down', 'WebSocket ' + event.text);
        case 's': return link(event, 'down', 'service ' + event.text);
        case 'c': return link(event, 'down', event.text);
      }
      base = y + 26;
      var shape, label, extra = '', kind = '', from = sut, to = harness;
      if (event.kind === '<' || event.kind === '>') {
        kind = event.form === 'result' ? 'result' : event.form === 'call' ? '' : 'wrong';
        label = event.label; extra = event.form === 'error' ? event.extra : gist(event.payload);
        if (event.kind === '>') { from = harness; to = sut; }
      } else if (event.kind === 'g') {
        kind = 'wrong'; label = 'not OCPP-J'; extra = event.text;
      } else {
        kind = 'asked'; label = event.text; from = event.kind === 'q' ? harness : right; to = event.kind === 'q' ? right : harness;
        extra = event.kind === 'r' ? String(event.more) : '';
        if (event.kind === 'r') kind += ' result';
      }
      shape = arrow(from, to, base);
      var asked = kind.indexOf('asked') === 0;
      var room = Math.floor((asked ? right - sut : harness - sut - 16) / letter);
      label = clip(tame(label), room);
      var rest = clip(tame(extra), room - label.length - 2);
      var text = svg('text', asked ? { class: 'label', x: right, y: base - 6, 'text-anchor': 'end' } : { class: 'label', x: sut + 10, y: base - 6 },
        [label, rest ? svg('tspan', {}, ['  ' + rest]) : null]);
      var node = group(kind + (event.marks.length ? ' marked' : ''), 34, [time(event, base - 6), text].concat(shape), event);
      node.setAttribute('aria-label', tame(label + ' ' + rest));
      node.addEventListener('click', function () { pick(node, event); });
      node.addEventListener('keydown', function (key) {
        var next = key.key === 'ArrowDown' ? 'nextElementSibling' : key.key === 'ArrowUp' ? 'previousElementSibling' : null;
        if (key.key === 'Enter' || key.key === ' ') { key.preventDefault(); pick(node, event); }
        for (var other = next && node[next]; other; other = other[next]) {
          if (other.hasAttribute('tabindex')) { key.preventDefault(); other.focus(); other.dispatchEvent(new MouseEvent('click')); break; }
        }
      });
      if (event === chosen) node.classList.add('chosen');
    }
    open.forEach(add);
    y += 16;
    [sut, harness].concat(manual ? [right] : []).forEach(function (x) {
      notes.push(svg('line', { class: 'life', x1: x, x2: x, y1: 30, y2: y }));
    });
    notes.push(svg('text', { class: 'head', x: sut, y: 20 }, ['SUT']), svg('text', { class: 'head', x: harness, y: 20 }, ['harness']));
    if (manual) notes.push(svg('text', { class: 'head', x: right, y: 20, style: small ? 'text-anchor:end' : '' }, ['operator']));
    if (small && manual) notes[notes.length - 1].setAttribute('x', width - 6);
    notes.push(svg('text', { class: 't', x: clock - 6, y: 20, 'text-anchor': 'end' }, ['s']));
    box.replaceChildren(svg('svg', { width: width, height: y, viewBox: '0 0 ' + width + ' ' + y }, notes.slice(0, manual ? 3 : 2).concat(parts, notes.slice(manual ? 3 : 2))));
  }
  var chosen = null;
  function pick(node, event) {
    chosen = event;
    box.querySelectorAll('.chosen').forEach(function (other) { other.classList.remove('chosen'); });
    node.classList.add('chosen');
    choose(event);
  }
  var first = events.find(function (event) { return event.marks.length; });
  chosen = first || null;
  return { box: box, draw: draw, chosen: first };
}

function inspector() {
  var box = el('div', { class: 'inspector', 'aria-live': 'polite' }, [el('p', { class: 'small' }, ['Choose a message to see it whole.'])]);
  return { box: box, show: function (event, data) {
    var way = { '<': 'SUT → harness', '>': 'harness → SUT', g: 'SUT → harness', q: 'harness → operator', r: 'operator → harness' }[event.kind] || '';
    var what = { call: 'CALL', result: 'CALLRESULT', error: 'CALLERROR', garbage: 'not a frame' }[event.form] || '';
    var facts = [way, what, (event.at - data.t0).toFixed(3) + ' s'];
    if (event.took !== null && event.took !== undefined) facts.push('after ' + event.took.toFixed(3) + ' s');
    var content = event.kind === 'q' ? tame(String(event.more)) : event.kind === 'r' ? tame(String(event.more)) : event.text;
    box.replaceChildren(el('p', {}, [el('b', {}, [tame(event.label || event.text)])]), el('p', { class: 'small' }, [facts.filter(Boolean).join(' · ')]),
      showFrame(content, event.marks.map(function (mark) { return mark[1] || ''; })));
  } };
}

function steps(data) {
  var roots = [], stack = [];
  data.steps.forEach(function (step) {
    var node = { step: step, inside: [] };
    stack.length = Math.min(stack.length, step[1]);
    (stack.length ? stack[stack.length - 1].inside : roots).push(node);
    stack.push(node);
  });
  function line(node, name) {
    var step = node.step;
    return el(name, { class: 'step ' + (/^[a-z-]+$/.test(step[5]) ? step[5] : '') }, [el('span', { class: 't' }, [(step[3] - data.t0).toFixed(3)]),
      el('span', { class: 'x' }, [tame(step[2])]), el('span', { class: 'o' }, [step[5] + (step[4] - step[3] >= 0.0005 ? ', ' + (step[4] - step[3]).toFixed(3) + ' s' : '')])]);
  }
  function list(nodes) {
    return el('ol', {}, nodes.map(function (node) {
      if (!node.inside.length) return el('li', {}, [line(node, 'div')]);
      var details = el('details', {}, [line(node, 'summary')]);
      details.addEventListener('toggle', function () { details.append(list(node.inside)); }, { once: true });
      if (node.step[5] === 'failed' && node.step[0] !== 'prepare') details.open = true;
      return el('li', {}, [details]);
    }));
  }
  var box = el('div', { class: 'steps' }), phases = [];
  roots.forEach(function (node) {
    var last = phases[phases.length - 1];
    if (!last || last.name !== node.step[0]) phases.push({ name: node.step[0], nodes: [node] }); else last.nodes.push(node);
  });
  phases.forEach(function (phase) {
    var title = PHASES[phase.name] || tame(phase.name), aside = phase.name === 'prepare' || phase.name === 'after';
    var details = el('details', {}, [el('summary', { class: 'phase' }, [title + ', ' + phase.nodes.length + (phase.nodes.length === 1 ? ' step' : ' steps')]), list(phase.nodes)]);
    details.open = !aside;
    box.append(details);
  });
  return box;
}

function raw(data, events) {
  var way = { '<': 'SUT →    ', '>': '    → SUT', g: 'SUT → ?? ', o: 'opened   ', x: 'closed   ', a: 'attempt  ', p: 'ping     ', q: 'operator ', r: 'operator ', s: 'service  ', n: 'step     ', c: '         ' };
  return events.map(function (event) {
    var text = event.kind === 'n' ? (data.steps[event.text] || ['', '', ''])[2] : event.text + (event.more === undefined ? '' : ' ' + event.more);
    return event.at.toFixed(3).padStart(10) + '  ' + way[event.kind] + '  ' + tame(text);
  }).join('\n');
}

function fill(details) {
  var data = read(details.id), body = details.querySelector('.body');
  if (!data || !body) return;
  function section(title, count, node) { body.append(el('h4', {}, [title, count ? el('span', {}, [count]) : null]), node); }
  document.querySelectorAll('.finding-of').forEach(function (article) {
    if (article.dataset.of !== details.id) return;
    article.querySelectorAll('.finding').forEach(function (finding, number) {
      var copy = finding.cloneNode(true), frame = copy.querySelector('.frame');
      // The diagram shows the frame with its place already.
      if (frame && data.marks.some(function (mark) { return mark[2] === number; })) frame.remove();
      body.append(copy);
    });
  });
  if (data.requirements.length) {
    section('Requirements', '', el('ul', { class: 'reqs' }, data.requirements.map(function (id) {
      return el('li', {}, [el('b', {}, [id]), requirement(id)]);
    })));
  }
  if (!data.events.length && !data.steps.length) { body.append(el('p', { class: 'small' }, ['Nothing was said: it did not run.'])); return; }
  var events = named(data);
  data.marks.forEach(function (mark) { if (events[mark[0]]) events[mark[0]].marks.push(mark); });
  var view = inspector(), drawn = diagram(data, events, function (event) { view.show(event, data); });
  var messages = events.filter(function (event) { return event.kind === '<' || event.kind === '>'; }).length;
  section('Sequence', messages + ' messages, times in seconds since the test case began', el('div', { class: 'scope' }, [drawn.box, view.box]));
  drawn.draw();
  if (drawn.chosen) view.show(drawn.chosen, data);
  var width = drawn.box.clientWidth;
  window.addEventListener('resize', function () {
    if (drawn.box.clientWidth && drawn.box.clientWidth !== width) { width = drawn.box.clientWidth; drawn.draw(); }
  });
  section('Steps', '', steps(data));
  var trace = el('details', { class: 'more' }, [el('summary', {}, ['Raw trace, ' + data.events.length + ' lines'])]);
  trace.addEventListener('toggle', function () { trace.append(el('pre', { class: 'raw' }, [raw(data, events)])); }, { once: true });
  body.append(el('h4'), trace);
}

var cases = Array.from(document.querySelectorAll('.case'));
cases.forEach(function (details) {
  details.addEventListener('toggle', function () {
    if (details.open && !details.dataset.full) { details.dataset.full = '1'; fill(details); }
  });
});

var form = document.getElementById('filter'), verdicts = Array.from(document.querySelectorAll('#verdicts button'));
var profile = document.getElementById('profile'), block = document.getElementById('block'), text = document.getElementById('text');
function apply() {
  var pressed = verdicts.filter(function (one) { return one.getAttribute('aria-pressed') === 'true'; }).map(function (one) { return one.dataset.v; });
  var words = text.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
  cases.forEach(function (one) {
    var fits = (!pressed.length || pressed.indexOf(one.dataset.v) >= 0) && (!block.value || one.dataset.b === block.value)
      && (!profile.value || one.dataset.p.split(' ').indexOf(profile.value) >= 0)
      && words.every(function (word) { return one.dataset.w.indexOf(word) >= 0; });
    one.hidden = !fits;
    shown += fits ? 1 : 0;
  });
  document.getElementById('shown').textContent = shown === cases.length ? shown + ' test cases' : shown + ' of ' + cases.length;
  document.getElementById('nothing').hidden = shown > 0;
}
form.hidden = false;
form.addEventListener('submit', function (event) { event.preventDefault(); });
form.addEventListener('input', apply);
verdicts.forEach(function (one) {
  one.addEventListener('click', function () {
    one.setAttribute('aria-pressed', one.getAttribute('aria-pressed') === 'true' ? 'false' : 'true');
    apply();
  });
});
document.addEventListener('keydown', function (event) {
  if (event.key === '/' && !/^(INPUT|SELECT)$/.test(event.target.tagName)) { event.preventDefault(); text.focus(); }
});
function follow() {
  var id = decodeURIComponent(location.hash.slice(1)), node = id && document.getElementById(id);
  if (!node || !node.classList.contains('case')) return;
  if (node.hidden) {
    verdicts.forEach(function (one) { one.setAttribute('aria-pressed', 'false'); });
    profile.value = block.value = text.value = '';
    apply();
  }
  node.open = true;
  node.scrollIntoView();
}
window.addEventListener('hashchange', follow);
document.addEventListener('click', function (event) {
  var link = event.target.closest && event.target.closest('a[href^="#"]');
  if (link && link.getAttribute('href') === location.hash) follow();
});
apply();
follow();
})();
