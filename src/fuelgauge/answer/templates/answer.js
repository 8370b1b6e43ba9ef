"use strict";
const data = JSON.parse(document.getElementById("payload").textContent);
if (data.models && data.models.length) {
  const shorter = (text) => text.replace("0.", ".");
  const shown = (loss) => {
    const value = data.isScore ? 1 - loss : loss, size = Math.abs(value);
    if (size >= 1000) return Math.round(value).toLocaleString("en");
    if (size >= 1) return String(parseFloat(value.toPrecision(3)));
    return shorter(size > 0 && size < 0.1 ? String(parseFloat(value.toPrecision(3))) : value.toFixed(3));
  };
  const counted = (rows) => {
    const unit = Math.pow(10, Math.max(0, Math.floor(Math.log10(rows)) - 1));
    return (Math.floor(rows / unit + 0.5) * unit).toLocaleString("en");
  };
  const at = (model, rows, key) => {
    const n = model.rows, y = model[key];
    if (rows <= n[0]) return y[0];
    for (let i = 1; i < n.length; i++) {
      if (rows <= n[i]) {
        const t = Math.log(rows / n[i - 1]) / Math.log(n[i] / n[i - 1]);
        return y[i - 1] + t * (y[i] - y[i - 1]);
      }
    }
    return y[y.length - 1];
  };
  const price = document.getElementById("price");
  const labels = (rows) => {
    const more = rows - data.nRows, each = parseFloat(price.value);
    if (!(more > 0) || !(each > 0)) return "";
    const cost = more * each;
    return `+${cost >= 100 ? Math.round(cost).toLocaleString("en") : cost.toFixed(2)}`;
  };
  const slider = document.getElementById("rows"), first = data.models[0].rows[0], last = data.nRows * 10;
  const rowsOf = () => Math.round(parseFloat((first * Math.pow(last / first, slider.value / 10000)).toPrecision(3)));
  const show = () => {
    const rows = rowsOf(), cost = labels(rows);
    const kind = rows > data.top ? ` (forecast${cost ? `; further labels: ${cost}` : ""})` : "";
    document.getElementById("rows-shown").textContent = rows.toLocaleString("en") + kind;
    document.getElementById("rows-table").replaceChildren(...data.models.map((model, i) => {
      const line = document.createElement("tr"), name = document.createElement("th"), cell = document.createElement("td");
      name.textContent = model.title; name.style.color = `var(--s${i % 7})`;
      const ends = [at(model, rows, "low"), at(model, rows, "high")].sort((a, b) => data.isScore ? b - a : a - b).map(shown);
      cell.textContent = rows > data.top ? `${shown(at(model, rows, "loss"))} (${ends.join(" to ")})` : shown(at(model, rows, "loss"));
      line.append(name, cell);
      return line;
    }));
  };
  const goal = document.getElementById("goal"), ahead = data.ahead;
  const needed = (key) => {
    const loss = data.isScore ? 1 - parseFloat(goal.value) : parseFloat(goal.value);
    const [rows, reached] = ahead.last, start = loss < reached ? rows : 0;
    const place = ahead[key].findIndex((value, i) => ahead.rows[i] > start && value <= loss);
    return place < 0 ? Infinity : ahead.rows[place];
  };
  const told = (rows) => Number.isFinite(rows) ? counted(rows) : "never";
  const tell = () => {
    const rows = needed("loss"), cost = Number.isFinite(rows) ? labels(rows) : "";
    const text = `${told(rows)}${Number.isFinite(rows) ? " rows" : ""} (${told(needed("low"))} to ${told(needed("high"))})`;
    document.getElementById("goal-rows").textContent = goal.value === "" ? "" :
      `${ahead.title}: ${text}${cost ? `; further labels: ${cost}` : ""}. "Never" is beyond 1,000 times your rows.`;
  };
  const axis = () => {
    for (const mark of document.querySelectorAll("#chart .money")) mark.textContent = labels(parseFloat(mark.dataset.rows));
  };
  const all = () => { show(); tell(); axis(); };
  slider.value = Math.round(10000 * Math.log(2 * data.nRows / first) / Math.log(last / first));
  slider.addEventListener("input", show);
  goal.addEventListener("input", tell);
  price.addEventListener("input", all);
  for (const name of ["slider", "wanted"]) document.getElementById(name).hidden = false;
  all();
}
