// The arithmetic of coprod/power.py, and the page's explorer that shows it.
(() => {
  const NODES = 400;

  // The normal distribution by its Taylor series (Marsaglia 2004).
  function normal(x) {
    if (x < -8) return 0;
    if (x > 8) return 1;
    let sum = x, term = x, before = 0;
    for (let i = 3; sum !== before; i += 2) {
      before = sum;
      term *= (x * x) / i;
      sum += term;
    }
    return 0.5 + sum * Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  }
  const density = (x) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

  // The estimated error over the true one, at points, each with its weight.
  function errors(df) {
    const reach = 10 / Math.sqrt(2 * df);
    const least = Math.max(0, 1 - reach), step = (1 + reach - least) / NODES;
    const points = [];
    let total = 0;
    for (let i = 1; i <= NODES; i++) {
      const at = least + i * step;
      const weight = Math.exp((df - 1) * Math.log(at) - df * (at * at - 1) / 2);
      points.push([at, weight]);
      total += weight;
    }
    return points.map(([at, weight]) => [at, weight / total]);
  }

  // Chance to be found, and how large what is found is, in true errors, on average.
  function found(points, critical, ratio) {
    let chance = 0, size = 0;
    for (const [at, weight] of points) {
      const c = critical * at;
      const above = normal(ratio - c), below = normal(-c - ratio);
      chance += weight * (above + below);
      size += weight * (density(c - ratio) + ratio * above + density(c + ratio) - ratio * below);
    }
    return { chance, size };
  }

  // Where a rising function passes a value.
  function solve(rises, value, low, high) {
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (rises(middle) < value) low = middle; else high = middle;
    }
    return (low + high) / 2;
  }

  function experiment({ respondents, areas, arms, baseline }) {
    const each = respondents * areas / arms;
    const df = Math.floor(2 * each + 1e-9) - areas - 1;
    const points = errors(df);
    const critical = solve((c) => 1 - found(points, c, 0).chance, 0.95, 0, 60);
    const error = (effect) => {
      const share = baseline + effect;
      return Math.sqrt((share * (1 - share) + baseline * (1 - baseline)) / each);
    };
    const at = (effect) => found(points, critical, effect / error(effect));
    return { error, at };
  }

  function compute(given, { error, at } = experiment(given)) {
    const { chance, size } = at(given.effect);
    const most = 1 - given.baseline;
    const possible = at(most - 1e-9).chance >= 0.8;
    return {
      power: chance,
      detectable: possible ? solve((effect) => at(effect).chance, 0.8, 0, most) : NaN,
      extra: 1000 * given.effect,
      exaggeration: given.effect ? size * error(given.effect) / (chance * given.effect) : NaN,
    };
  }

  const root = document.querySelector(".explorer");
  if (!root) return;
  const inputs = Object.fromEntries([...root.querySelectorAll("input")].map((i) => [i.name, i]));
  const said = (name) => root.querySelector(`[data-says="${name}"]`);
  const written = (value, digits = 0) =>
    value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });

  function values() {
    const number = (name) => Number(inputs[name].value);
    return {
      respondents: number("respondents"), areas: number("areas"), arms: number("arms"),
      baseline: number("baseline") / 100, effect: number("effect") / 100,
    };
  }

  function draw(given, { at }) {
    const end = Math.min(0.2, 1 - given.baseline);
    const place = (effect, chance) => `${(effect / 0.2 * 300).toFixed(1)},${(100 - 100 * chance).toFixed(1)}`;
    const path = [];
    for (let i = 0; i <= 40; i++) path.push(place(end * i / 40, at(end * i / 40).chance));
    root.querySelector("polyline").setAttribute("points", path.join(" "));
    const [x, y] = place(given.effect, at(given.effect).chance).split(",");
    root.querySelector("circle").setAttribute("cx", x);
    root.querySelector("circle").setAttribute("cy", y);
  }

  function show() {
    inputs.effect.max = Math.min(20, 100 - Number(inputs.baseline.value));
    for (const input of Object.values(inputs)) {
      const unit = input.dataset.unit;
      const text = written(Number(input.value), input.step.includes(".") ? 1 : 0) + unit;
      root.querySelector(`output[for="${input.id}"]`).textContent = text;
      input.setAttribute("aria-valuetext", text);
    }
    const given = values(), tried = experiment(given);
    const { power, detectable, extra, exaggeration } = compute(given, tried);
    said("power").textContent = `${written(100 * power)}%`;
    said("detectable").textContent = isNaN(detectable) ? "none" : `${written(100 * detectable, 1)} points`;
    said("extra").textContent = written(extra);
    said("exaggeration").textContent = isNaN(exaggeration) ? "–" : `${written(exaggeration, 1)} times`;
    draw(given, tried);
  }

  root.compute = (given) => compute(given);
  root.querySelector("form").hidden = false;
  root.querySelector("form").addEventListener("input", show);
  root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  root.querySelector("svg").toggleAttribute("hidden", false);
  show();
})();
