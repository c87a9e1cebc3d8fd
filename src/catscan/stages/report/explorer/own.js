// A picture of the reader's own, dropped, chosen or drawn: brought to the network's size as the preprocess stage does it.
// A picture here is { levels, height, width, channels }, its levels 0 to 255.

const PAD_SIDE = 320; // pixels, at most
const SHRINK = { area: "area", fast: "area", tutorial: "linear" };

/** Exact area averages along one axis, as sums of parts: `n` values a line become `m`, each worth `n` times its mean. */
const summed = (values, lines, n, m, step) => {
  const out = new Float64Array((values.length / n) * m);
  for (let line = 0; line < lines; line++) {
    for (let k = 0; k < step; k++) {
      for (let j = 0; j < m; j++) {
        let sum = 0;
        for (let p = Math.floor((j * n) / m); p * m < (j + 1) * n; p++) {
          sum += (Math.min((p + 1) * m, (j + 1) * n) - Math.max(p * m, j * n)) * values[(line * n + p) * step + k];
        }
        out[(line * m + j) * step + k] = sum;
      }
    }
  }
  return out;
};

/** kinds/kernels/area.py: every pixel is the mean of what it covers, rounded half up. */
const areaAverage = ({ levels, height, width, channels }, [rows, columns]) => {
  const across = summed(levels, height, width, columns, channels);
  const all = summed(across, 1, height, rows, columns * channels);
  const size = height * width;
  return { levels: Uint8Array.from(all, (sum) => Math.floor((sum + Math.floor(size / 2)) / size)), height: rows, width: columns, channels };
};

/** Where OpenCV looks along one axis: two places and their weights of 2048 in all. */
const lookedAt = (n, m) => Array.from({ length: m }, (_, j) => {
  const exact = Math.fround((j + 0.5) * (n / m) - 0.5);
  const low = Math.floor(exact);
  const share = Math.fround(exact - low);
  const [one, other] = [Math.round(Math.fround(1 - share) * 2048), Math.round(share * 2048)];
  return [Math.min(Math.max(low, 0), n - 1), Math.min(Math.max(low + 1, 0), n - 1), one, other];
});

/** OpenCV's INTER_LINEAR of bytes, in its whole numbers. */
const linear = (picture, [rows, columns]) => {
  const { levels, height, width, channels } = picture;
  if (height === 2 * rows && width === 2 * columns) return areaAverage(picture, [rows, columns]);
  const [down, across] = [lookedAt(height, rows), lookedAt(width, columns)];
  const out = new Uint8Array(rows * columns * channels);
  const along = (row, [left, right, one, other], k) => levels[(row * width + left) * channels + k] * one + levels[(row * width + right) * channels + k] * other;
  down.forEach(([upper, lower, one, other], y) => {
    across.forEach((places, x) => {
      for (let k = 0; k < channels; k++) {
        const [above, below] = [along(upper, places, k) >> 4, along(lower, places, k) >> 4];
        out[(y * columns + x) * channels + k] = (((one * above) >> 16) + ((other * below) >> 16) + 2) >> 2;
      }
    });
  });
  return { levels: out, height: rows, width: columns, channels };
};

const area = (picture, size) => {
  const shrunk = [Math.min(size[0], picture.height), Math.min(size[1], picture.width)];
  const small = shrunk[0] === picture.height && shrunk[1] === picture.width ? picture : areaAverage(picture, shrunk);
  return shrunk[0] === size[0] && shrunk[1] === size[1] ? small : linear(small, size);
};

/** The largest size of the first one's aspect ratio that fits into the second. */
const innerSize = ([height, width], [rows, columns]) =>
  height * columns > width * rows
    ? [rows, Math.max(1, Math.floor((2 * width * rows + height) / (2 * height)))]
    : [Math.max(1, Math.floor((2 * height * columns + width) / (2 * width))), columns];

const pasted = ({ levels, height, width, channels }, [rows, columns], [top, left]) => {
  const out = new Uint8Array(rows * columns * channels);
  for (let y = Math.max(0, -top); y < Math.min(height, rows - top); y++) {
    for (let x = Math.max(0, -left); x < Math.min(width, columns - left); x++) {
      for (let k = 0; k < channels; k++) out[((y + top) * columns + x + left) * channels + k] = levels[(y * width + x) * channels + k];
    }
  }
  return { levels: out, height: rows, width: columns, channels };
};

/** kinds/pictures/resize.py: stretched, cropped in the middle, or padded with black. */
const fitted = (picture, { size, fit, resize }) => {
  const scale = SHRINK[resize] === "area" ? area : linear;
  const half = (whole, part) => Math.floor((whole - part) / 2);
  if (fit === "crop") {
    const [height, width] = innerSize(size, [picture.height, picture.width]);
    return scale(pasted(picture, [height, width], [-half(picture.height, height), -half(picture.width, width)]), size);
  }
  if (fit === "pad") {
    const inner = innerSize([picture.height, picture.width], size);
    return pasted(scale(picture, inner), size, [half(size[0], inner[0]), half(size[1], inner[1])]);
  }
  return scale(picture, size);
};

/** What stands on a canvas, in colour or as the luminance that OpenCV makes of it. */
const onCanvas = (canvas, channels) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
  const levels = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const [red, green, blue] = data.subarray(4 * i, 4 * i + 3);
    if (channels === 1) levels[i] = (9798 * red + 19235 * green + 3735 * blue + 16384) >> 15;
    else levels.set([red, green, blue], 3 * i);
  }
  return { levels, height, width, channels };
};

/** A file as a canvas: upright, on white, its levels as they are stored. */
const fileOnCanvas = async (file) => {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const canvas = make("canvas", { width: bitmap.width, height: bitmap.height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return canvas;
};

const mirrored = (levels, [, height, width, channels]) => {
  const out = new Uint8Array(levels.length);
  for (let i = 0; i < height * width; i++) {
    const from = (i - (i % width) + width - 1 - (i % width)) * channels;
    out.set(levels.subarray(from, from + channels), i * channels);
  }
  return out;
};

/** What the network answers by its logits. */
const answered = (logits, { task, scale }) => {
  if (scale) return Array.from(logits, (one) => one * scale[1] + scale[0]);
  if (task === "multilabel") return Array.from(logits, (one) => 1 / (1 + Math.exp(-one)));
  const most = Math.max(...logits);
  const powers = Array.from(logits, (one) => Math.exp(one - most));
  const sum = powers.reduce((one, other) => one + other);
  return powers.map((one) => one / sum);
};

/** Grad-CAM where it needs no gradient: of maps whose means the last layer weighs; null of other networks. */
const heatOf = ({ layers, heat_layer: number }, values, label) => {
  const [pooling, last, ...more] = number === null ? [] : layers.slice(number + 1);
  if (more.length || pooling?.kind !== "global_pooling" || pooling.how !== "average" || last?.kind !== "fully_connected") return null;
  const [maps, shape, { window }] = [values[number], layers[number].shape, last.weightsOf];
  const [many, classes] = [shape[shape.length - 1], last.shape[0]];
  const heat = Float64Array.from({ length: maps.length / many }, (_, place) => {
    let sum = 0;
    for (let k = 0; k < many; k++) sum += maps[place * many + k] * window[k * classes + label];
    return Math.max(sum, 0);
  });
  const most = heat.reduce((one, other) => Math.max(one, other), 1e-30);
  return held(Uint8Array.from(heat, (one) => Math.round((one * 255) / most)), shape.slice(0, -1));
};

/** A sample of levels that came in here, its values computed, and its chain up to what this network says. */
const ownSample = async (told, levels, name, tell) => {
  const shape = padded(told.sample_shape, 4, 1);
  const run = (some) => computed(told.layers, { pixels: held(some, told.sample_shape) }, tell);
  const values = await run(levels);
  const logits = values[values.length - 1];
  const links = [["logits of this network", logits], [told.scale ? "in the unit of the targets" : told.task === "multilabel" ? "their sigmoid" : "their softmax", answered(logits, told)]];
  if (told.flips) {
    const other = answered((await run(mirrored(levels, shape))).at(-1), told);
    links.push(["the same of the mirror image", other], ["the mean of both: what this network says", links[1][1].map((one, k) => (one + other[k]) / 2)]);
  }
  const label = logits.indexOf(Math.max(...logits));
  const sample = {
    sample_id: name, split: "own", label: "", why: "own", pixels: held(levels, told.sample_shape), voxels: null, logits: [...logits],
    told: label, heat: heatOf(told, values, label), covered: null, deletion: null, by_epoch: null, values: {}, cells: [],
    chain: links.map(([what, some]) => ({ what, values: [...some] })),
  };
  return [sample, values];
};

// Covering as the explain stage does it (covering.py): so many parts along each side, steps of a curve, orders at random.
const [PARTS, STEPS, ORDERS] = [8, 8, 3];

/** Whole numbers below n in an order that looks like chance, the same at every call. */
const shuffled = (n, seed) => {
  const order = [...Array(n).keys()];
  let state = seed;
  for (let k = n - 1; k > 0; k--) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const other = state % (k + 1);
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order;
};
const strongestFirst = (parts) => [...parts.keys()].sort((one, other) => parts[other] - parts[one]);

/** The sample as levels, with some of its parts covered by its mean grey. */
const withoutParts = (levels, [, height, width, channels], parts, covered) => {
  const out = levels.slice();
  const grey = Array.from({ length: channels }, (_, k) => Math.round(levels.reduce((sum, level, i) => (i % channels === k ? sum + level : sum), 0) / (height * width)));
  const edge = (place, size, count) => Math.floor((place * size) / count);
  for (const part of covered) {
    const [row, column] = [Math.floor(part / parts[1]), part % parts[1]];
    for (let y = edge(row, height, parts[0]); y < edge(row + 1, height, parts[0]); y++) {
      for (let x = edge(column, width, parts[1]); x < edge(column + 1, width, parts[1]); x++) out.set(grey, (y * width + x) * channels);
    }
  }
  return out;
};

/** By how much the logit of a picture falls without each of its parts, and how fast as they are covered one by one. */
const coveredOwn = async (told, sample, tell) => {
  const shape = padded(told.sample_shape, 4, 1);
  const parts = [Math.min(PARTS, shape[1]), Math.min(PARTS, shape[2])];
  const all = [...Array(product(parts)).keys()];
  const hot = sample.heat && largest(decoded(sample.heat));
  const runs = 1 + all.length + (ORDERS + 1 + (hot ? 1 : 0)) * (STEPS + 1);
  let run = 0;
  const logitsOf = async (covered) => {
    tell(`covering: run ${++run} of ${runs} …`);
    const pixels = held(withoutParts(decoded(sample.pixels), shape, parts, covered), told.sample_shape);
    return (await computed(told.layers, { pixels }, () => {})).at(-1);
  };
  const whole = (await logitsOf([]))[sample.told];
  const falls = new Float32Array(all.length);
  for (const part of all) falls[part] = whole - (await logitsOf([part]))[sample.told];
  const counts = Array.from({ length: STEPS + 1 }, (_, step) => Math.round((step * all.length) / STEPS));
  const curve = async (order) => {
    const answers = [];
    for (const count of counts) answers.push(answered(await logitsOf(order.slice(0, count)), told)[sample.told]);
    return answers;
  };
  const heat = hot && between(sample.heat, [1, ...parts]);
  const byHeat = hot ? await curve(strongestFirst(all.map((part) => heat([0, Math.floor(part / parts[1]), part % parts[1]])))) : null;
  const byCovered = await curve(strongestFirst(falls));
  const atRandom = [];
  for (let seed = 1; seed <= ORDERS; seed++) atRandom.push(await curve(shuffled(all.length, seed)));
  return {
    covered: held(falls, parts),
    deletion: {
      shares: counts.map((count) => count / all.length), by_heat: byHeat, by_covered: byCovered,
      at_random: counts.map((_, k) => atRandom.reduce((sum, one) => sum + one[k], 0) / ORDERS),
    },
  };
};

/** Where a picture is dropped, chosen or drawn; `take` gets a canvas and a name, `chosen` is the sample to draw on. */
const ownPanel = (told, take, chosen) => {
  const failed = make("p", { class: "warn", role: "alert" });
  const read = async (file) => {
    failed.textContent = "";
    try {
      take(await fileOnCanvas(file), file.name);
    } catch {
      failed.textContent = `${file.name} is no picture that this browser can read.`;
    }
  };
  const input = make("input", { type: "file", accept: "image/*", onchange: () => { if (input.files.length) read(input.files[0]); } });
  const [rows, columns] = told.picture.size;
  const zoom = Math.max(1, Math.floor(PAD_SIDE / Math.max(rows, columns)));
  const pad = make("canvas", { class: "ex-pad", role: "img", "aria-label": "a sheet to draw on with the mouse, a pen or a finger", width: columns * zoom, height: rows * zoom });
  const context = pad.getContext("2d", { willReadFrequently: true });
  const clear = () => {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, pad.width, pad.height);
  };
  clear();
  const ink = make("input", { type: "color", value: "#202020" });
  const width = make("input", { type: "range", min: 1, max: 60, value: 14 });
  let last = null;
  const place = (event) => {
    const frame = pad.getBoundingClientRect();
    return [((event.clientX - frame.left) / frame.width) * pad.width, ((event.clientY - frame.top) / frame.height) * pad.height];
  };
  const draw = (event) => {
    if (!last) return;
    const next = place(event);
    context.strokeStyle = ink.value;
    context.lineWidth = Number(width.value);
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(...last);
    context.lineTo(...next);
    context.stroke();
    last = next;
  };
  pad.addEventListener("pointerdown", (event) => { pad.setPointerCapture(event.pointerId); last = place(event); draw(event); });
  pad.addEventListener("pointermove", draw);
  pad.addEventListener("pointerup", () => { last = null; take(pad, "drawn here"); });
  pad.addEventListener("pointercancel", () => { last = null; });
  const over = () => {
    context.imageSmoothingEnabled = false;
    context.drawImage(picture(chosen(), padded(told.sample_shape, 4, 1), 0, ""), 0, 0, pad.width, pad.height);
    take(pad, "drawn here");
  };
  const panel = make("details", { class: "ex-own" },
    make("summary", {}, "Your own picture"),
    make("p", {}, "Drop a picture here or choose one; it stays in this page, which runs the network on it. Or draw one, on white or on the chosen sample."),
    make("label", { class: "ex-drop" }, "Choose a picture ", input), failed,
    make("div", { class: "ex-drawing" }, pad, make("div", { class: "ex-tools" },
      make("label", {}, "colour ", ink), make("label", {}, "width ", width),
      make("button", { type: "button", onclick: over }, "draw on the chosen sample"),
      make("button", { type: "button", onclick: clear }, "clear the sheet"))));
  panel.addEventListener("dragover", (event) => event.preventDefault());
  panel.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) read(event.dataTransfer.files[0]);
  });
  return panel;
};
