"use strict";
const data = JSON.parse(document.getElementById("payload").textContent);
if (data.models && data.models.length) {
  const shown = (loss) => {
    const value = data.isScore ? 1 - loss : loss;
    if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
    return Math.abs(value) >= 1 ? value.toPrecision(3) : value.toFixed(3).replace("0.", ".");
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
  const slider = document.getElementById("rows"), first = data.models[0].rows[0], last = data.nRows * 10;
  const rowsOf = () => Math.round(first * Math.pow(last / first, slider.value / 1000));
  const show = () => {
    const rows = rowsOf();
    document.getElementById("rows-shown").textContent = rows.toLocaleString("en") + (rows > data.top ? " (forecast)" : "");
    document.getElementById("rows-table").replaceChildren(...data.models.map((model, i) => {
      const line = document.createElement("tr"), name = document.createElement("th"), cell = document.createElement("td");
      name.textContent = model.title; name.style.color = `var(--s${i % 7})`;
      const ends = [at(model, rows, "low"), at(model, rows, "high")].map(shown).sort((a, b) => parseFloat(a) - parseFloat(b));
      cell.textContent = rows > data.top ? `${shown(at(model, rows, "loss"))} (${ends.join(" to ")})` : shown(at(model, rows, "loss"));
      line.append(name, cell);
      return line;
    }));
  };
  slider.value = Math.round(1000 * Math.log(2 * data.nRows / first) / Math.log(last / first));
  slider.addEventListener("input", show);
  show();
  document.getElementById("slider").hidden = false;
  const goal = document.getElementById("goal"), best = data.models[0];
  const needed = (key) => {
    const loss = data.isScore ? 1 - parseFloat(goal.value) : parseFloat(goal.value);
    const place = best[key].findIndex((value) => value <= loss);
    if (place < 0) return "never";
    const rows = best.rows[place], unit = Math.pow(10, Math.max(0, Math.floor(Math.log10(rows)) - 1));
    return (Math.round(rows / unit) * unit).toLocaleString("en");
  };
  const tell = () => {
    const text = `${needed("loss")} rows (${needed("low")} to ${needed("high")})`;
    document.getElementById("goal-rows").textContent = goal.value === "" ? "" : `${best.title}: ${text}; "never" is beyond 1,000 times your rows.`;
  };
  goal.addEventListener("input", tell);
  tell();
  document.getElementById("wanted").hidden = false;
}
