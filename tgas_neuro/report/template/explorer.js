/* RDM explorer */
const colours = bytesOf(payload.colours); // 256 of red, green, blue

function calcPercentiles(pairs) {
  const counts = new Float64Array(256);
  for (const level of pairs) counts[level] += 1;
  const percentiles = new Float64Array(256);
  let below = 0;
  for (let level = 0; level < 255; level += 1) {
    percentiles[level] = below + counts[level] / 2;
    below += counts[level];
  }
  return percentiles.map((value) => (below ? (100 * value) / below : 0));
}

async function loadMatrix(matrix) {
  if (!matrix) return null;
  const pairs = new Uint8Array(await inflate(matrix.pairs));
  return { ...matrix, pairs, percentiles: calcPercentiles(pairs) };
}

function pairOf(n, row, column) {
  const low = Math.min(row, column);
  const high = Math.max(row, column);
  return n * low - (low * (low + 1)) / 2 + high - low - 1;
}

function draw(canvas, matrix, region, chosen) {
  const n = region.rows.length;
  canvas.width = n;
  canvas.height = n;
  const context = canvas.getContext("2d");
  const image = context.createImageData(n, n);
  for (let row = 0; row < n; row += 1) {
    for (let column = 0; column < n; column += 1) {
      const level = row === column ? 0 : matrix.pairs[pairOf(n, row, column)];
      const colour = row === column ? 0 : Math.round(2.55 * matrix.percentiles[level]);
      const place = 4 * (row * n + column);
      const grey = row !== column && level === 255;
      for (let part = 0; part < 3; part += 1) {
        image.data[place + part] = grey ? 200 : colours[3 * colour + part];
      }
      image.data[place + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  context.fillStyle = "rgba(255,255,255,0.75)";
  const thick = Math.max(0.5, n / 500);
  for (const border of region.borders.slice(1, -1)) {
    context.fillRect(0, border - thick / 2, n, thick);
    context.fillRect(border - thick / 2, 0, thick, n);
  }
  if (chosen) {
    const [row, column] = chosen;
    const width = Math.max(1, n / 320);
    context.fillStyle = "rgba(213,94,0,0.9)";
    context.fillRect(0, row + 0.5 - width / 2, n, width);
    context.fillRect(column + 0.5 - width / 2, 0, width, n);
  }
}

function describe(matrix, n, row, column) {
  if (row === column) return "the same";
  const level = matrix.pairs[pairOf(n, row, column)];
  if (level === 255) return "not defined";
  const value = matrix.low + (level * (matrix.high - matrix.low)) / 254;
  const digits = Math.max(2, Math.ceil(-Math.log10(Math.max((matrix.high - matrix.low) / 254, 1e-12))));
  return `about ${value.toFixed(Math.min(digits, 6))} (percentile ${matrix.percentiles[level].toFixed(0)})`;
}

function addStimulus(parent, region, sprite, row) {
  const box = make("div", undefined, parent);
  box.className = "stimulus";
  const thumb = make("div", undefined, box);
  thumb.className = "thumb";
  const rows = Math.ceil(sprite.of / sprite.columns);
  thumb.style.backgroundImage = `url(${sprite.picture})`;
  thumb.style.backgroundSize = `${80 * sprite.columns}px ${80 * rows}px`;
  thumb.style.backgroundPosition =
    `${-80 * (row % sprite.columns)}px ${-80 * Math.floor(row / sprite.columns)}px`;
  make("span", region.rows[row] + (region.categories[row] ? `, ${region.categories[row]}` : ""), box);
}

function buildExplorer(element) {
  const { regions, sprites } = payload.runs[Number(element.dataset.run)].explorer;
  const canvases = [...element.querySelectorAll("canvas")];
  const captions = [...element.querySelectorAll("figcaption")];
  const readout = element.querySelector(".readout");
  let region, matrices, chosen;

  function label() {
    const few = region.names.length > 1 && region.names.length <= 24;
    for (const box of element.querySelectorAll(".names")) {
      box.replaceChildren();
      box.style.width = "0";
      if (!few || box.parentElement.querySelector("canvas").hidden) continue;
      region.names.forEach((name, place) => {
        const text = make("span", name, box);
        text.style.top = `${(50 * (region.borders[place] + region.borders[place + 1])) /
          region.rows.length}%`;
      });
      const widest = Math.max(...[...box.children].map((one) => one.offsetWidth));
      box.style.width = `calc(${widest}px + .4rem)`;
    }
  }

  function paint() {
    matrices.forEach((matrix, index) => matrix && draw(canvases[index], matrix, region, chosen));
  }

  function choose(row, column) {
    const n = region.rows.length;
    chosen = [Math.min(n - 1, Math.max(0, row)), Math.min(n - 1, Math.max(0, column))];
    paint();
    readout.replaceChildren();
    const pair = make("div", undefined, readout);
    pair.className = "stimuli";
    for (const one of new Set(chosen)) addStimulus(pair, region, sprites[region.sprite], one);
    const texts = matrices.map((matrix, index) =>
      matrix && `${index ? "model" : "teacher"} ${describe(matrix, n, ...chosen)}`);
    make("p", `Dissimilarity: ${texts.filter(Boolean).join("; ")}`, readout);
  }

  async function select(index) {
    region = regions[index];
    chosen = null;
    matrices = await Promise.all([loadMatrix(region.teacher), loadMatrix(region.model)]);
    const part = region.rows.length < region.n_rows
      ? `; shown are ${region.rows.length} of ${region.n_rows} rows` : "";
    captions[0].textContent = `Teacher: ${region.teacher.caption}${part}`;
    captions[1].textContent = region.model ? `Model: ${region.model.caption}` : region.why;
    matrices.forEach((matrix, side) => {
      const undefinedPairs = matrix && matrix.undefined;
      if (undefinedPairs) captions[side].textContent += `; ${undefinedPairs} pairs are not defined`;
    });
    canvases[1].hidden = !region.model;
    label();
    readout.replaceChildren(make("p", `${region.rows.length} rows` +
      (region.names.length ? ` in ${region.names.length} categories: ${region.names.join(", ")}` : "")));
    paint();
  }

  canvases.forEach((canvas) => {
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      const n = region.rows.length;
      choose(Math.floor(((event.clientY - box.top) / box.height) * n),
        Math.floor(((event.clientX - box.left) / box.width) * n));
    });
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      const [row, column] = chosen || [0, 1];
      const far = event.shiftKey ? 10 : 1;
      choose(row + far * step[0], column + far * step[1]);
    });
  });
  element.querySelectorAll("input").forEach((input) =>
    input.addEventListener("change", () => select(Number(input.value))));
  return select(0);
}
