"use strict";
(async () => {
  /* The numbers are JSON, or where that is long, JSON packed by gzip and base64. */
  const unpacked = async text => {
    const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const embedded = document.getElementById("fuelgauge-data").textContent.trim();
  const data = JSON.parse(embedded.startsWith("{") ? embedded : await unpacked(embedded));
  const SVG = "http://www.w3.org/2000/svg";
  const DIRECT_LABELS_FROM = 620;
  const canHover = matchMedia("(hover: hover)").matches;
  const root = document.documentElement;
  root.classList.add("js");

  /* ---------- numbers as text ---------- */
  const count = n => Math.round(n).toLocaleString("en-US");
  const rounded = n => count(Number(n.toPrecision(2)));
  const figure = v => v === null || v === undefined ? "–" : Number(v.toPrecision(3)).toLocaleString("en-US", {maximumSignificantDigits: 3});
  const SECONDS = [[3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"], [1e-6, "µs"]];
  const seconds = v => {
    if (v === null || v === undefined) return "–";
    const [size, unit] = SECONDS.find(([s]) => v >= s * 0.9999) || SECONDS[SECONDS.length - 1];
    return `${figure(v / size)} ${unit}`;
  };
  const sizeLabel = n => {
    if (n >= 2 ** 20 && n % 2 ** 20 === 0) return `${n / 2 ** 20}M`;
    if (n >= 1024 && n % 1024 === 0) return `${n / 1024}k`;
    return count(n);
  };
  const twoDigits = v => Number(v.toPrecision(2)).toLocaleString("en-US", {maximumSignificantDigits: 2});
  const times = v => `${twoDigits(v)}×`;
  const between = (lo, hi, write) => lo === null || hi === null || lo === undefined || hi === undefined ? "" : `${write(lo)} to ${write(hi)}`;

  /* ---------- elements ---------- */
  const svg = (name, attributes = {}, text) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const html = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const ruler = document.createElement("canvas").getContext("2d");
  const textWidth = (text, size = 12, weight = 400) => {
    ruler.font = `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
    return ruler.measureText(text).width;
  };
  const colour = style => style.slot < 0 ? "var(--baseline)" : `var(--s${style.slot})`;
  const marker = (style, x, y, r, hollow) => {
    const paint = {fill: style.open || hollow ? "var(--panel)" : colour(style), stroke: colour(style), "stroke-width": 1.4};
    const at = (...points) => `M${points.map(([dx, dy]) => `${(x + dx * r).toFixed(1)} ${(y + dy * r).toFixed(1)}`).join("L")}Z`;
    switch (style.marker) {
      case "square": return svg("rect", {x: x - r * .85, y: y - r * .85, width: r * 1.7, height: r * 1.7, ...paint});
      case "triangle": return svg("path", {d: at([0, -1.15], [1.1, .85], [-1.1, .85]), ...paint});
      case "diamond": return svg("path", {d: at([0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]), ...paint});
      case "dot": return svg("circle", {cx: x, cy: y, r: hollow ? r : r * .55, ...paint});
      default: return svg("circle", {cx: x, cy: y, r, ...paint});
    }
  };

  /* ---------- log axes ---------- */
  const logScale = (low, high, from, to) => {
    const span = Math.log(high / low) || 1;
    return v => from + Math.log(v / low) / span * (to - from);
  };
  const linearScale = (low, high, from, to) => v => from + (v - low) / (high - low) * (to - from);
  const linearTicks = (low, high, most) => {
    const step = roundStep((high - low) / Math.max(1, Math.min(6, most)));
    const ticks = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9; k++) ticks.push(Number((k * step).toPrecision(8)));
    return ticks;
  };
  const sizeTicks = (low, high, most) => {
    const first = Math.ceil(Math.log2(low) - 1e-9), last = Math.floor(Math.log2(high) + 1e-9);
    for (let stride = 1; stride < 12; stride++) {
      const ticks = [];
      for (let power = first; power <= last; power++) if ((power - 5) % stride === 0) ticks.push(2 ** power);
      if (ticks.length && ticks.length <= most) return ticks;
    }
    return [low];
  };
  const roundStep = step => {
    const unit = 10 ** Math.floor(Math.log10(step));
    return [1, 2, 5, 10].map(f => f * unit).find(s => s >= step * 0.9999);
  };
  const roundTicks = (low, high, most) => {
    const from = Math.floor(Math.log10(low)) - 1, to = Math.ceil(Math.log10(high));
    const decades = mantissas => {
      const ticks = [];
      for (let d = from; d <= to; d++) for (const m of mantissas) {
        const tick = Number((m * 10 ** d).toPrecision(6));
        if (tick >= low && tick <= high) ticks.push(tick);
      }
      return ticks;
    };
    const sets = [[1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]].map(decades);
    const fitting = sets.find(ticks => ticks.length <= most && ticks.length >= 3);
    if (fitting) return fitting;
    const whole = sets[3];
    if (whole.length > most) return whole.filter((_, i) => i % Math.ceil(whole.length / most) === 0);
    const step = roundStep((high - low) / Math.min(4, most));
    const ticks = [];
    for (let k = Math.ceil(low / step); k * step <= high; k++) ticks.push(Number((k * step).toPrecision(8)));
    return ticks;
  };
  const secondTicks = (low, high, most) => {
    const natural = [1e-5, 1e-4, 1e-3, 1e-2, .1, 1, 10, 60, 600, 3600, 36000].filter(t => t >= low && t <= high);
    return natural.length >= 3 && natural.length <= most ? natural : roundTicks(low, high, most);
  };
  const padded = (values, share) => {
    const positive = values.filter(v => v > 0);
    if (!positive.length) return [.1, 1];
    const low = Math.min(...positive), high = Math.max(...positive);
    const pad = Math.max((high / low) ** share, 1.03);
    return [low / pad, high * pad];
  };
  /* Height of a line at a number of rows: straight between its points, as it is drawn. */
  const heightAt = (frame, curve, place, n) => {
    const i = Math.max(1, curve.n.findIndex(size => size >= n)), x = frame.toX(n);
    const [x0, x1, y0, y1] = [frame.toX(curve.n[i - 1]), frame.toX(curve.n[i]), place(curve.loss[i - 1]), place(curve.loss[i])];
    return y0 + (x - x0) / (x1 - x0) * (y1 - y0);
  };

  /* ---------- a frame: axes, grid, labels ---------- */
  const openFrame = (host, height, x, y, rightMargin, label) => {
    host.replaceChildren();
    const width = Math.max(host.clientWidth, 240);
    const plotHeight = height - 26 - 44;
    const yTicks = y.ticks(y.low, y.high, Math.max(2, Math.floor(plotHeight / 38)));
    const left = Math.ceil(Math.max(...yTicks.map(t => textWidth(y.write(t))), 18)) + 10;
    const box = {left, right: width - Math.max(rightMargin, 14), top: 26, bottom: height - 44, width, height};
    const widest = Math.max(...[x.low, x.high].map(v => textWidth(x.write(Number(v.toPrecision(1)))))) + 22;
    const xTicks = x.ticks(x.low, x.high, Math.max(2, Math.floor((box.right - box.left) / Math.max(46, widest))));
    const picture = svg("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label});
    const toX = logScale(x.low, x.high, box.left, box.right);
    const toY = (y.isLinear ? linearScale : logScale)(y.low, y.high, ...(y.isFlipped ? [box.top, box.bottom] : [box.bottom, box.top]));
    for (const tick of yTicks) {
      picture.append(svg("line", {class: "grid", x1: box.left, x2: box.right, y1: toY(tick), y2: toY(tick)}));
      picture.append(svg("text", {x: box.left - 8, y: toY(tick) + 4, "text-anchor": "end"}, y.write(tick)));
    }
    for (const tick of xTicks) {
      picture.append(svg("line", {class: "grid", x1: toX(tick), x2: toX(tick), y1: box.top, y2: box.bottom}));
      picture.append(svg("text", {x: toX(tick), y: box.bottom + 18, "text-anchor": "middle"}, x.write(tick)));
    }
    picture.append(svg("line", {class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom}));
    picture.append(svg("text", {class: "title", x: 0, y: 13}, y.title));
    picture.append(svg("text", {class: "title", x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle"}, x.title));
    host.append(picture);
    const clip = `clip-${openFrame.made = (openFrame.made || 0) + 1}`;
    const clipPath = svg("clipPath", {id: clip});
    clipPath.append(svg("rect", {x: box.left, y: box.top - 6, width: box.right - box.left, height: box.bottom - box.top + 6}));
    picture.append(clipPath);
    return {host, picture, box, toX, toY, clip: `url(#${clip})`};
  };

  const path = points => points.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
  const bandPath = (frame, sizes, low, high, floor) => {
    const known = sizes.map((n, i) => [n, low[i], high[i]]).filter(([, l, h]) => l !== null && h !== null);
    const upper = known.map(([n, , h]) => [frame.toX(n), frame.toY(Math.max(h, floor))]);
    const lower = known.map(([n, l]) => [frame.toX(n), frame.toY(Math.max(l, floor))]).reverse();
    return known.length > 1 ? `${path([...upper, ...lower])}Z` : "";
  };

  /* Write names at the ends of the lines, and move them apart so that none covers another. */
  const nameEnds = (frame, ends) => {
    const gap = 16, {top, bottom} = frame.box;
    ends.sort((a, b) => a.y - b.y);
    let lowest = top;
    for (const end of ends) { end.at = Math.max(end.y, lowest); lowest = end.at + gap; }
    let highest = bottom;
    for (const end of [...ends].reverse()) { end.at = Math.min(end.at, highest); highest = end.at - gap; }
    for (const end of ends) {
      end.group.append(svg("line", {x1: end.x + 6, y1: end.y, x2: frame.box.right + 8, y2: end.at, stroke: colour(end.style), "stroke-width": 1, opacity: .45}));
      end.group.append(svg("text", {class: "name", x: frame.box.right + 12, y: end.at + 4, style: `fill:${colour(end.style)}`}, end.text));
    }
  };
  const shortened = (text, most = 22) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

  const fitted = (text, room) => {
    let most = text.length;
    while (most > 4 && textWidth(shortened(text, most), 13) > room) most -= 1;
    return shortened(text, most);
  };

  /* ---------- hover ---------- */
  const makeTip = (frame, nearest) => {
    const tip = html("div", "tip"), marks = svg("g");
    tip.hidden = true;
    frame.picture.append(marks);
    frame.host.append(tip);
    const hide = () => { tip.hidden = true; marks.replaceChildren(); };
    const show = event => {
      const bounds = frame.picture.getBoundingClientRect();
      const found = nearest(event.clientX - bounds.left, event.clientY - bounds.top);
      if (!found) return hide();
      marks.replaceChildren(...found.marks);
      tip.replaceChildren(html("b", "", found.title), rowsTable(found.rows));
      tip.hidden = false;
      const room = bounds.width - tip.offsetWidth;
      const beside = found.x + 16 <= room ? found.x + 16 : found.x - 16 - tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(beside, room))}px`;
      tip.style.top = `${Math.max(0, Math.min(found.y, frame.box.height - tip.offsetHeight))}px`;
    };
    frame.host.onpointermove = show;
    frame.host.onpointerdown = show;
    frame.host.onpointerleave = hide;
  };
  const rowsTable = rows => {
    const table = html("table");
    for (const {style, cells} of rows) {
      const line = table.insertRow();
      cells.forEach((cell, i) => {
        const td = line.insertCell();
        if (i === 0 && style) {
          const dot = html("i");
          dot.style.background = colour(style);
          td.append(dot);
        }
        td.append(cell);
      });
    }
    return table;
  };
  const closest = (values, distance) => values.reduce((best, value) => distance(value) < distance(best) ? value : best, values[0]);

  /* ---------- charts over n_train ---------- */
  const sizeAxis = (low, high) => ({low: low / 1.12, high: high * 1.12, ticks: (a, b, most) => sizeTicks(a, b, most), write: sizeLabel, title: "labelled training rows"});

  const drawOverSize = (host, curves, spec) => {
    const drawn = curves.filter(curve => curve[spec.mean]);
    if (!drawn.length) return drawEmpty(host);
    const beyond = spec.extrapolated ? drawn.filter(curve => curve.beyond) : [];
    const means = drawn.flatMap(curve => curve[spec.mean]).filter(v => v > 0);
    const floor = means.length ? Math.min(...means) / 2 : 1e-3;
    const hasZero = drawn.some(curve => curve[spec.mean].some(v => v !== null && v <= 0));
    const values = [...means, ...beyond.flatMap(curve => curve.beyond.loss), ...(hasZero ? [floor] : [])];
    const [meanLow, meanHigh] = [Math.min(...values.filter(v => v > 0)), Math.max(...values)];
    const bounds = [...drawn.flatMap(curve => [...(curve[spec.low] || []), ...(curve[spec.high] || [])]), ...beyond.flatMap(curve => [...curve.beyond.lo, ...curve.beyond.hi])]
      .filter(v => v > 0).map(v => Math.min(Math.max(v, meanLow / 1.6), meanHigh * 1.6));
    const [low, high] = padded([...values, ...bounds], .05);
    const sizes = [...drawn.flatMap(curve => curve.n), ...beyond.flatMap(curve => curve.beyond.n)];
    const measured = Math.max(...drawn.flatMap(curve => curve.n));
    const wide = host.clientWidth >= DIRECT_LABELS_FROM;
    const margin = wide && spec.names ? Math.max(...drawn.map(c => textWidth(shortened(c.name), 12.5, 600))) + 22 : 14;
    const frame = openFrame(host, spec.height(host.clientWidth), sizeAxis(Math.min(...sizes), Math.max(...sizes)),
      {low, high, ticks: spec.ticks, write: spec.write, title: spec.title, isFlipped: spec.isFlipped}, margin, spec.label);
    if (beyond.length) drawZone(frame, measured);
    frame.picture.classList.toggle("crowded", drawn.length > 6);
    const place = v => frame.toY(Math.max(v, floor));
    const ends = drawn.map(curve => drawCurve(frame, curve, spec, place, floor));
    if (wide && spec.names) nameEnds(frame, ends);
    if (spec.crossings) spec.crossings(frame, drawn, place);
    makeTip(frame, (px, py) => nearestSize(frame, drawn, spec, px, place));
  };

  const drawZone = (frame, measured) => {
    const x = frame.toX(measured * 1.04), {top, bottom, right} = frame.box;
    const zone = svg("rect", {class: "zone", x, y: top, width: Math.max(right - x, 0), height: bottom - top});
    frame.picture.insertBefore(zone, frame.picture.firstChild);
    frame.picture.append(svg("line", {class: "edge", x1: x, x2: x, y1: top, y2: bottom}));
    const words = ["extrapolated, not measured", "extrapolated"].find(w => textWidth(w) < right - x - 12);
    if (words) frame.picture.append(svg("text", {x: right - 6, y: top + 15, "text-anchor": "end"}, words));
  };

  const drawCurve = (frame, curve, spec, place, floor) => {
    const group = svg("g", {class: "series"}), paint = colour(curve.style), mean = curve[spec.mean];
    group.dataset.name = curve.name;
    const clipped = svg("g", {"clip-path": frame.clip});
    if (curve[spec.low] && curve[spec.high]) {
      clipped.append(svg("path", {class: "band", d: bandPath(frame, curve.n, curve[spec.low], curve[spec.high], floor), fill: paint}));
    }
    const known = curve.n.map((n, i) => [n, mean[i]]).filter(([, v]) => v !== null);
    const points = known.map(([n, v]) => [frame.toX(n), place(v), v]);
    clipped.append(svg("path", {class: "curve", d: path(points), stroke: paint, "stroke-dasharray": curve.style.dash}));
    let end = points[points.length - 1];
    if (spec.extrapolated && curve.beyond) {
      const {n, loss, lo, hi} = curve.beyond, last = known[known.length - 1];
      const tail = n.map((size, i) => [frame.toX(size), place(loss[i])]);
      clipped.append(svg("path", {class: "band beyond-band", fill: paint, d: bandPath(frame, [last[0], ...n], [last[1], ...lo], [last[1], ...hi], floor)}));
      clipped.append(svg("path", {class: "curve beyond", d: path([end, ...tail]), stroke: paint}));
      end = tail[tail.length - 1];
    }
    group.append(clipped);
    for (const [px, py, v] of points) group.append(marker(curve.style, px, py, 3.4, v <= 0));
    frame.picture.append(group);
    return {group, style: curve.style, text: shortened(curve.name), x: end[0], y: end[1]};
  };

  const nearestSize = (frame, curves, spec, px, place) => {
    const sizes = [...new Set(curves.flatMap(curve => [...curve.n, ...(spec.extrapolated && curve.beyond ? curve.beyond.n : [])]))];
    const n = closest(sizes, size => Math.abs(frame.toX(size) - px));
    const found = curves.map(curve => valueAt(curve, spec, n)).filter(point => point && point.value !== null).sort((a, b) => b.value - a.value);
    if (!found.length) return null;
    const x = frame.toX(n), extrapolated = found.every(point => point.isBeyond);
    const line = svg("line", {class: "focus", x1: x, x2: x, y1: frame.box.top, y2: frame.box.bottom});
    return {
      x, y: frame.box.top,
      title: `${count(n)} rows${extrapolated ? ", extrapolated" : ""}`,
      marks: [line, ...found.map(point => marker(point.curve.style, x, place(point.value), 5))],
      rows: found.map(point => ({style: point.curve.style, cells: [point.curve.name, spec.write(point.value), between(point.lo, point.hi, spec.write)]})),
    };
  };
  const valueAt = (curve, spec, n) => {
    const i = curve.n.indexOf(n);
    if (i >= 0) return {curve, value: curve[spec.mean][i], lo: (curve[spec.low] || [])[i], hi: (curve[spec.high] || [])[i], isBeyond: false};
    const j = spec.extrapolated && curve.beyond ? curve.beyond.n.indexOf(n) : -1;
    return j >= 0 ? {curve, value: curve.beyond.loss[j], lo: curve.beyond.lo[j], hi: curve.beyond.hi[j], isBeyond: true} : null;
  };

  const drawEmpty = host => host.replaceChildren(html("p", "note", "No visible line has values for this chart."));

  /* ---------- loss against cost ---------- */
  const UNITS = {
    fit: {low: "fitLo", high: "fitHi", ticks: secondTicks, write: seconds, name: "Time of one fit", title: "time of one fit", over: "mean over repeats"},
    price: {ticks: roundTicks, write: figure, name: "Price of 1,000 fits", title: `price of 1,000 fits (${data.currency})`, over: data.currency},
  };
  const drawCost = (host, curves, inMetric, key) => {
    const drawn = curves.filter(curve => curve[key]), unit = UNITS[key];
    if (!drawn.length) return drawEmpty(host);
    const losses = drawn.flatMap(curve => curve.loss).filter(v => v > 0), floor = losses.length ? Math.min(...losses) / 2 : 1e-3;
    const shown = drawn.flatMap(curve => curve.loss.map(v => Math.max(v, floor)));
    const [xLow, xHigh] = padded(drawn.flatMap(curve => curve[key]), .05), [yLow, yHigh] = padded(shown, .06);
    const frame = openFrame(host, host.clientWidth < 480 ? 300 : 340,
      {low: xLow, high: xHigh, ticks: unit.ticks, write: unit.write, title: unit.title},
      {low: yLow, high: yHigh, ticks: roundTicks, ...inMetric}, 14, `${inMetric.title} against ${unit.title}`);
    const points = drawn.flatMap(curve => drawCostCurve(frame, curve, floor, key));
    makeTip(frame, (px, py) => {
      const at = closest(points, p => (p.x - px) ** 2 + (p.y - py) ** 2);
      return {
        x: at.x, y: at.y - 20, title: `${at.curve.name}, ${count(at.n)} rows`, marks: [marker(at.curve.style, at.x, at.y, 6)],
        rows: [{cells: ["loss", figure(at.loss), ""]}, {cells: [unit.title, unit.write(at.cost), ""]}],
      };
    });
  };
  const drawCostCurve = (frame, curve, floor, key) => {
    const points = curve.n.map((n, i) => ({curve, n, loss: curve.loss[i], cost: curve[key][i]}))
      .filter(p => p.loss !== null && p.cost > 0)
      .map(p => ({...p, x: frame.toX(p.cost), y: frame.toY(Math.max(p.loss, floor))}));
    const group = svg("g", {class: "series"});
    group.dataset.name = curve.name;
    group.append(svg("path", {class: "curve", d: path(points.map(p => [p.x, p.y])), stroke: colour(curve.style), "stroke-dasharray": curve.style.dash}));
    for (const p of points) group.append(marker(curve.style, p.x, p.y, 3.4, p.loss <= 0));
    frame.picture.append(group);
    return points;
  };

  /* ---------- crossings ---------- */
  const drawCrossings = (dataset, list) => (frame, curves, place) => {
    const byName = Object.fromEntries(curves.map(curve => [curve.name, curve]));
    const visible = dataset.crossings.filter(c => byName[c.a] && byName[c.b] && byName[c.a].level === c.level)
      .filter(c => byName[c.a].style.family !== byName[c.b].style.family);
    for (const c of visible) {
      const y = heightAt(frame, byName[c.a], place, c.n), x = frame.toX(c.n), {left, right} = frame.box;
      const low = c.lo > 0 ? Math.max(frame.toX(c.lo), left) : left, high = c.hi ? Math.min(frame.toX(c.hi), right) : right;
      if (c.lo !== null) frame.picture.append(svg("line", {class: "ring-range", x1: low, x2: high, y1: y, y2: y}));
      const ring = svg("circle", {class: "ring", cx: x, cy: y, r: 5.5});
      ring.append(svg("title", {}, crossingText(c)));
      frame.picture.append(ring);
    }
    list.replaceChildren(...visible.map(c => html("li", "", crossingText(c))));
    list.parentElement.hidden = !visible.length;
  };
  const crossingText = c => {
    const known = c.lo !== null || c.hi !== null;
    const range = !known ? "" : ` (${c.lo > 0 ? rounded(c.lo) : "below the data"} to ${c.hi ? rounded(c.hi) : "above the data"})`;
    return `Crossing at ${rounded(c.n)} rows${range}: ${c.a} is better above, ${c.b} is better below`;
  };

  /* ---------- a dataset: its legend and its three charts ---------- */
  /* The axis of the loss, in the metric that the dataset is known by: a score is written in place of its distance to 1. */
  const inMetricOf = dataset => dataset.isScore
    ? {title: `${dataset.metric}, higher is better`, write: loss => figure(Number((1 - loss).toPrecision(6))), isFlipped: true}
    : {title: `test loss${dataset.metric ? ` (${dataset.metric})` : ""}, lower is better`, write: figure};
  const swatch = style => {
    const picture = svg("svg", {viewBox: "0 0 34 14", "aria-hidden": "true"});
    picture.append(svg("line", {x1: 1, x2: 33, y1: 7, y2: 7, stroke: colour(style), "stroke-width": 2, "stroke-dasharray": style.dash}));
    if (style.marker !== "dot") picture.append(marker(style, 17, 7, 4.2));
    return picture;
  };
  const openSection = section => {
    const dataset = data.datasets[Number(section.dataset.index)], hidden = new Set();
    const chart = name => section.querySelector(`[data-chart="${name}"]`);
    const state = {level: Object.keys(data.styles)[0], unit: "fit", isSeen: false};

    const draw = () => {
      if (!state.isSeen) return;
      const styles = data.styles[state.level], list = section.querySelector(".crossings");
      const curves = dataset.curves.filter(c => c.level === state.level && !hidden.has(c.name)).map(c => ({...c, style: styles[c.name]}));
      list.replaceChildren();
      drawOverSize(chart("learning"), curves, {
        mean: "loss", low: "lo", high: "hi", extrapolated: true, names: true, ticks: roundTicks, ...inMetricOf(dataset), label: `Learning curves on ${dataset.name}`,
        height: width => width < 480 ? 340 : Math.min(460, Math.round(width * .43)), crossings: drawCrossings(dataset, list),
      });
      if (!chart("time")) return;
      const unit = UNITS[state.unit];
      section.querySelector(".cost-name").textContent = unit.name;
      drawOverSize(chart("time"), curves, {
        mean: state.unit, low: unit.low, high: unit.high, ticks: unit.ticks, write: unit.write, title: unit.over,
        label: `${unit.name} on ${dataset.name}`, height: width => width < 480 ? 300 : 340,
      });
      drawCost(chart("cost"), curves, inMetricOf(dataset), state.unit);
    };

    const makeChip = (name, style) => {
      const chip = html("button", "chip");
      chip.type = "button";
      chip.dataset.name = name;
      chip.setAttribute("aria-pressed", "true");
      chip.append(swatch(style), html("span", "", name));
      const dim = isOn => section.querySelectorAll("g.series").forEach(g => g.classList.toggle("dim", isOn && g.dataset.name !== name));
      chip.onclick = () => {
        if (!hidden.delete(name)) hidden.add(name);
        chip.setAttribute("aria-pressed", String(!hidden.has(name)));
        draw();
      };
      if (canHover) {
        chip.onmouseenter = () => { if (!hidden.has(name)) dim(true); };
        chip.onmouseleave = () => dim(false);
      }
      return chip;
    };
    const drawLegend = () => {
      const present = new Set(dataset.curves.filter(c => c.level === state.level).map(c => c.name));
      const shown = Object.entries(data.styles[state.level]).filter(([name]) => present.has(name));
      const groups = [...new Set(shown.map(([, style]) => style.family))].map(family => {
        const group = html("div", "group");
        if (family && state.level === "model") group.append(html("span", "family", family));
        group.append(...shown.filter(([, style]) => style.family === family).map(([name, style]) => makeChip(name, style)));
        return group;
      });
      section.querySelector(".legend").replaceChildren(...groups);
    };

    const show = level => {
      state.level = level;
      hidden.clear();
      if (state.isSeen) drawLegend();
      draw();
    };
    const price = unit => {
      state.unit = unit;
      draw();
    };
    const see = () => {
      state.isSeen = true;
      drawLegend();
      draw();
    };
    return {section, draw, show, price, see, state};
  };
  const sections = [...document.querySelectorAll(".dataset")].map(openSection);

  for (const button of document.querySelectorAll(".segments button")) {
    button.onclick = () => {
      button.parentElement.querySelectorAll("button").forEach(b => b.setAttribute("aria-pressed", String(b === button)));
      if (button.dataset.unit) sections.forEach(s => s.price(button.dataset.unit));
      if (button.dataset.level) sections.forEach(s => s.show(button.dataset.level));
    };
  }

  /* ---------- the slide: performance against rows ---------- */
  const slide = document.getElementById("slide");
  const drawSlide = () => {
    if (!slide) return;
    const curves = data.slide, spec = {mean: "performance", write: figure}, values = curves.flatMap(c => c.performance), sizes = curves.flatMap(c => c.n);
    const low = Math.max(Math.min(0, ...values) - .03, -.25), high = Math.min(1, Math.max(...values) + .05);
    const wide = slide.clientWidth >= DIRECT_LABELS_FROM;
    const margin = wide ? Math.max(...curves.map(c => textWidth(c.name, 12.5, 600))) + 22 : 14;
    const frame = openFrame(slide, slide.clientWidth < 480 ? 340 : 460, sizeAxis(Math.min(...sizes), Math.max(...sizes)),
      {low, high, ticks: linearTicks, write: figure, title: "performance, higher is better", isLinear: true}, margin, "Performance against the amount of data");
    const place = v => frame.toY(Math.max(v, low));
    const ends = curves.map(curve => drawCurve(frame, curve, spec, place, low));
    if (wide) nameEnds(frame, ends);
    const group = html("div", "group");
    group.append(...curves.map(curve => {
      const chip = html("span", "chip");
      chip.append(swatch(curve.style), html("span", "", curve.name));
      return chip;
    }));
    slide.parentElement.querySelector(".legend").replaceChildren(group);
    makeTip(frame, px => nearestSize(frame, curves, spec, px, place));
  };

  /* ---------- the forest plot of ratios ---------- */
  const forest = document.getElementById("forest");
  const drawForest = () => {
    if (!forest || !forest.clientWidth) return;
    const rows = data.forest;
    if (!rows.length) return forest.replaceChildren(html("p", "note", "No data-efficiency ratio can be read. The curves need up to four times as many rows."));
    forest.replaceChildren();
    const width = Math.max(forest.clientWidth, 240), narrow = width < 620;
    const groups = [...new Set(rows.map(r => `${r.a} against ${r.b}`))].map(name => [name, rows.filter(r => `${r.a} against ${r.b}` === name)]);
    const rowHeight = narrow ? 46 : 30, groupHeight = 34;
    const height = 34 + groups.length * groupHeight + rows.length * rowHeight + 48;
    const values = rows.flatMap(r => [r.der, r.lo, r.hi]).filter(v => v > 0);
    const [low, high] = padded([...values, .5, 2], .08);
    const names = narrow ? 0 : Math.min(220, Math.max(...rows.map(r => textWidth(shortened(r.dataset, 28), 13)))) + 24;
    const written = rows.map(ratioText), numbers = narrow ? 0 : Math.max(...written.map(t => textWidth(t, 13))) + 28;
    const left = names + 8, right = width - numbers - 14, top = 30, bottom = height - 48;
    const toX = logScale(low, high, left, right);
    const picture = svg("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "Data-efficiency ratios by dataset"});
    for (const tick of ratioTicks(low, high, Math.floor((right - left) / 54))) {
      picture.append(svg("line", {class: "grid", x1: toX(tick), x2: toX(tick), y1: top, y2: bottom}));
      picture.append(svg("text", {x: toX(tick), y: bottom + 18, "text-anchor": "middle"}, `${figure(tick)}×`));
    }
    picture.append(svg("line", {class: "one", x1: toX(1), x2: toX(1), y1: top - 4, y2: bottom}));
    const subject = new Set(rows.map(r => r.a)).size === 1 ? rows[0].a : "the first";
    sideText(picture, [`← fewer rows for ${subject}`, "← fewer rows"], toX(1) - 10, toX(1) - 10, "end");
    sideText(picture, [`more rows for ${subject} →`, "more rows →"], toX(1) + 10, width - toX(1) - 10, "start");
    picture.append(svg("text", {x: (left + right) / 2, y: height - 6, "text-anchor": "middle"}, "data-efficiency ratio (log scale)"));
    let y = top;
    for (const [name, members] of groups) {
      picture.append(svg("text", {class: "pair-name", x: 0, y: y + 23}, name));
      y += groupHeight;
      for (const row of members) {
        forestRow(picture, row, {y, narrow, width, toX, left, right, style: styleOf(row.a)});
        y += rowHeight;
      }
    }
    forest.append(picture);
  };
  const styleOf = name => data.styles.family && data.styles.family[name] || data.styles.model && data.styles.model[name] || {slot: 0};
  const ratioTicks = (low, high, most) => {
    const decades = [1e-4, .001, .01, .1, 1, 10, 100, 1000, 1e4, 1e5].filter(t => t >= low && t <= high);
    const powers = [];
    for (let p = Math.ceil(Math.log2(low)); p <= Math.log2(high); p++) powers.push(2 ** p);
    return powers.length <= Math.max(most, 3) ? powers : decades;
  };
  const ratioText = row => {
    const range = row.lo === null && row.hi === null ? "" : ` (${row.lo === null ? "0" : twoDigits(row.lo)} to ${row.hi === null ? "∞" : twoDigits(row.hi)})`;
    const sign = {above: "> ", below: "< "}[row.censored] || "";
    return `${sign}${row.der === null ? "?" : times(row.der)}${range}`;
  };
  const sideText = (picture, choices, x, room, anchor) => {
    const text = choices.find(choice => textWidth(choice) <= room);
    if (text) picture.append(svg("text", {class: "side", x, y: 16, "text-anchor": anchor}, text));
  };
  const arrow = (x, y, direction, paint) => svg("path", {d: `M${x} ${y}l${-9 * direction} -5.5v11z`, fill: paint});
  const forestRow = (picture, row, at) => {
    const middle = at.y + (at.narrow ? 32 : 15), textY = at.narrow ? at.y + 15 : middle + 4.5, paint = colour(at.style);
    picture.append(svg("text", {class: "row-name", x: at.narrow ? 0 : 10, y: textY}, at.narrow ? fitted(row.dataset, at.width - textWidth(ratioText(row), 13) - 16) : shortened(row.dataset, 28)));
    picture.append(svg("text", {class: "row-name", x: at.width, y: textY, "text-anchor": "end"}, ratioText(row)));
    const start = row.lo > 0 ? at.toX(row.lo) : at.left, end = row.hi === null ? at.right : at.toX(row.hi);
    const hasRange = row.lo !== null || row.hi !== null;
    const line = (x1, x2) => picture.append(svg("line", {x1, x2, y1: middle, y2: middle, stroke: paint, "stroke-width": 2}));
    if (hasRange) line(start, end);
    if (hasRange && row.hi === null && row.censored !== "above") picture.append(arrow(at.right, middle, 1, paint));
    if (hasRange && !(row.lo > 0) && row.censored !== "below") picture.append(arrow(at.left, middle, -1, paint));
    const x = row.der > 0 ? at.toX(row.der) : at.toX(1);
    if (row.censored) {
      const isAbove = row.censored === "above", tip = isAbove ? at.right : at.left;
      line(x, tip);
      picture.append(arrow(tip, middle, isAbove ? 1 : -1, paint));
      picture.append(svg("line", {x1: x, x2: x, y1: middle - 6, y2: middle + 6, stroke: paint, "stroke-width": 2}));
    } else if (row.der > 0) {
      picture.append(svg("rect", {x: x - 5, y: middle - 5, width: 10, height: 10, fill: paint, stroke: "var(--panel)", "stroke-width": 1.5}));
    }
  };

  /* ---------- the theme ---------- */
  const remembered = {
    get: () => { try { return localStorage.getItem("fuelgauge-theme"); } catch { return null; } },
    set: theme => { try { localStorage.setItem("fuelgauge-theme", theme); } catch { /* a page opened from disk may have no storage */ } },
  };
  const systemDark = matchMedia("(prefers-color-scheme: dark)"), toggle = document.getElementById("theme");
  const isDark = () => (root.dataset.theme || (systemDark.matches ? "dark" : "light")) === "dark";
  const nameToggle = () => { toggle.textContent = isDark() ? "Light" : "Dark"; toggle.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`); };
  if (remembered.get()) root.dataset.theme = remembered.get();
  toggle.onclick = () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remembered.set(root.dataset.theme);
    nameToggle();
  };
  systemDark.addEventListener("change", nameToggle);
  nameToggle();

  /* ---------- draw what is open, and all again at a new width ---------- */
  for (const entry of sections) {
    if (entry.section.open) entry.see();
    entry.section.addEventListener("toggle", () => { if (entry.section.open && !entry.state.isSeen) entry.see(); });
  }
  const openTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.matches("details")) { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", openTarget);
  for (const link of document.querySelectorAll("a.m")) link.addEventListener("click", () => setTimeout(openTarget));
  const allOpen = document.getElementById("all-open");
  if (allOpen) allOpen.onclick = () => {
    const isOpening = sections.some(s => !s.section.open);
    for (const {section} of sections) section.open = isOpening;
    allOpen.textContent = isOpening ? "Close all" : "Open all";
  };

  /* ---------- who leads at n: one panel for each rival and kind of dataset ---------- */
  const panels = [...document.querySelectorAll(".lead-panel")], shown = {};
  if (panels.length) Object.assign(shown, {rival: panels[0].dataset.rival, stratum: panels[0].dataset.stratum});
  const showPanel = () => panels.forEach(p => { p.hidden = p.dataset.rival !== shown.rival || p.dataset.stratum !== shown.stratum; });
  for (const group of document.querySelectorAll("[data-choose]")) for (const button of group.children) button.addEventListener("click", () => {
    shown[group.dataset.choose] = button.dataset.value;
    showPanel();
  });
  let width = innerWidth, waiting;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(() => { sections.forEach(s => s.draw()); drawForest(); drawSlide(); }, 120);
  });
  const hidden = document.querySelector("[data-draw=forest]");
  if (hidden) hidden.addEventListener("toggle", drawForest);
  drawSlide();
  openTarget();
})();
