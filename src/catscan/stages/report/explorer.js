// The explorer: runs the opened network on the chosen sample, here in the page, and shows what every window does.
// Maps are [depth, height, width, maps]; those of pictures have a depth of 1. No library, no request.
"use strict";
(() => {
  const SHOWN_MAPS = 32;
  const SHOWN_INPUTS = 4;
  const ACTIVATIONS = {
    ReLU: (x) => Math.max(x, 0),
    ReLU6: (x) => Math.min(Math.max(x, 0), 6),
    Elu: (x) => (x < 0 ? Math.expm1(x) : x),
    Tanh: Math.tanh,
    Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
    Softplus: (x) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0),
    Sqrt: Math.sqrt,
  };

  // ---- numbers

  const decoded = (block) => {
    const text = atob(block.base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return block.dtype === "uint8" ? bytes : new Float32Array(bytes.buffer);
  };
  const product = (sizes) => sizes.reduce((one, other) => one * other, 1);
  const padded = (sizes, axes, fill) => [...Array(axes - sizes.length).fill(fill), ...sizes];
  const shapeOf = (step) => padded(step.shape, 4, 1);
  const three = (sizes, fill) => padded(sizes, 3, fill);
  const offset = (shape, at, map) => ((at[0] * shape[1] + at[1]) * shape[2] + at[2]) * shape[3] + map;
  const shown = (value) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    return size >= 1000 ? value.toFixed(0) : size >= 100 ? value.toFixed(1) : size >= 0.01 ? value.toFixed(3) : value.toExponential(1);
  };
  const times = (sizes) => sizes.join(" × ");
  const counted = (number) => {
    for (const [factor, letter] of [[1e9, " G"], [1e6, " M"], [1e3, " k"]]) {
      if (number >= factor) return `${Number((number / factor).toPrecision(3))}${letter}`;
    }
    return String(number);
  };

  /** The taps of a window at a place that lie on the maps that come in: [tap, place] of three axes each. */
  const taps = (step, source, at) => {
    const window = three(step.window, 1);
    const stride = three(step.stride, 1);
    const padding = three(step.padding, 0);
    const found = [];
    for (let a = 0; a < window[0]; a++) {
      for (let b = 0; b < window[1]; b++) {
        for (let c = 0; c < window[2]; c++) {
          const place = [a, b, c].map((tap, axis) => at[axis] * stride[axis] - padding[axis] + tap);
          if (place.every((one, axis) => one >= 0 && one < source[axis])) found.push([[a, b, c], place]);
        }
      }
    }
    return found;
  };
  const everywhere = function* (shape) {
    for (let z = 0; z < shape[0]; z++) for (let y = 0; y < shape[1]; y++) for (let x = 0; x < shape[2]; x++) yield [z, y, x];
  };

  const COMPUTE = {
    convolution(step, [values], [source], shape) {
      const out = new Float32Array(product(shape));
      const [, , , maps] = shape;
      const incoming = source[3];
      const { window, bias } = step.weightsOf;
      const sides = three(step.window, 1);
      const sum = new Float64Array(maps);
      for (const at of everywhere(shape)) {
        if (bias) sum.set(bias);
        else sum.fill(0);
        for (const [tap, place] of taps(step, source, at)) {
          const from = offset(source, place, 0);
          let weight = ((tap[0] * sides[1] + tap[1]) * sides[2] + tap[2]) * incoming * maps;
          for (let i = 0; i < incoming; i++, weight += maps) {
            const value = values[from + i];
            if (value !== 0) for (let o = 0; o < maps; o++) sum[o] += value * window[weight + o];
          }
        }
        out.set(sum, offset(shape, at, 0));
      }
      return out;
    },
    fully_connected(step, [values], _, shape) {
      const maps = shape[3];
      const { window, bias } = step.weightsOf;
      const sum = bias ? Float64Array.from(bias) : new Float64Array(maps);
      values.forEach((value, i) => {
        for (let o = 0; o < maps; o++) sum[o] += value * window[i * maps + o];
      });
      return Float32Array.from(sum);
    },
    pooling(step, [values], [source], shape) {
      const out = new Float32Array(product(shape));
      for (const at of everywhere(shape)) {
        const places = taps(step, source, at).map(([, place]) => offset(source, place, 0));
        const to = offset(shape, at, 0);
        for (let map = 0; map < shape[3]; map++) {
          let found = step.how === "max" ? -Infinity : 0;
          for (const place of places) found = step.how === "max" ? Math.max(found, values[place + map]) : found + values[place + map];
          out[to + map] = step.how === "max" ? found : found / places.length;
        }
      }
      return out;
    },
    global_pooling(step, [values], [source], shape) {
      const maps = shape[3];
      const sum = new Float64Array(maps).fill(step.how === "max" ? -Infinity : 0);
      values.forEach((value, i) => {
        sum[i % maps] = step.how === "max" ? Math.max(sum[i % maps], value) : sum[i % maps] + value;
      });
      return Float32Array.from(sum, (one) => (step.how === "max" ? one : one / (source[0] * source[1] * source[2])));
    },
    scale(step, [values], _, shape) {
      const { factor, addend } = step.weightsOf;
      const maps = shape[3];
      return values.map((value, i) => value * factor[factor.length === 1 ? 0 : i % maps] + addend[addend.length === 1 ? 0 : i % maps]);
    },
    batch_norm: (...all) => COMPUTE.scale(...all),
    activation: (step, [values]) => values.map(ACTIVATIONS[step.how]),
    add: (_, several) => several[0].map((value, i) => several.reduce((sum, one, k) => (k ? sum + one[i] : sum), value)),
    concat(_, several, sources, shape) {
      const out = new Float32Array(product(shape));
      let first = 0;
      several.forEach((values, k) => {
        const maps = sources[k][3];
        for (let i = 0; i < values.length; i++) out[Math.floor(i / maps) * shape[3] + first + (i % maps)] = values[i];
        first += maps;
      });
      return out;
    },
  };

  /** All steps' values for a sample; a pause between the steps keeps the page alive. */
  const computed = async (steps, sample, tell) => {
    const found = [];
    for (const [number, step] of steps.entries()) {
      if (number % 4 === 3) {
        tell(`computing step ${number + 1} of ${steps.length} …`);
        await new Promise((resolve) => setTimeout(resolve));
      }
      if (number === 0) found.push(Float32Array.from(decoded(sample.pixels)));
      else if (step.closed) found.push(decoded(sample.values[number]));
      else found.push(COMPUTE[step.kind](step, step.inputs.map((k) => found[k]), step.inputs.map((k) => shapeOf(steps[k])), shapeOf(step)));
    }
    return found;
  };

  // ---- the page

  const make = (tag, properties = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  };

  /** Blue below 0, black at 0, orange above; `range` is the value of the full colour. */
  const colour = (value, range) => {
    const share = Math.min(Math.abs(value) / (range || 1), 1) ** 0.7;
    return value >= 0 ? [20 + 235 * share, 20 + 165 * share, 24 + 40 * share] : [20 + 30 * share, 20 + 130 * share, 24 + 231 * share];
  };
  const painted = (canvas, height, width, rgb, alpha = () => 255) => {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        image.data.set([...rgb(y, x), alpha(y, x)], (y * width + x) * 4);
      }
    }
    context.putImageData(image, 0, 0);
    return canvas;
  };
  const picture = (sample, shape, slice, text) => {
    const pixels = decoded(sample.pixels);
    const [, height, width, channels] = shape;
    const at = (y, x) => offset(shape, [slice, y, x], 0);
    const rgb = channels >= 3 ? (y, x) => [0, 1, 2].map((c) => pixels[at(y, x) + c]) : (y, x) => Array(3).fill(pixels[at(y, x)]);
    return painted(make("canvas", { role: "img", "aria-label": text }), height, width, rgb);
  };
  const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

  class Explorer {
    constructor(root, told) {
      this.root = root;
      this.told = told;
      this.steps = told.layers;
      for (const step of this.steps) step.weightsOf = Object.fromEntries(Object.entries(step.arrays).map(([name, block]) => [name, decoded(block)]));
      this.layers = [];
      this.steps.forEach((step, number) => {
        if (step.opens || !this.layers.length) this.layers.push([]);
        this.layers[this.layers.length - 1].push(number);
      });
      let hidden = 0;
      this.names = this.layers.map((numbers, k) => {
        const { kind, title } = this.steps[numbers[0]];
        if (!k) return "input";
        if (k === this.layers.length - 1) return `output: ${title}`;
        return ["convolution", "pooling", "fully_connected"].includes(kind) ? `hidden layer ${++hidden}: ${title}` : title;
      });
      this.isScan = told.sample_shape.length === 4;
      this.sampleShape = padded(told.sample_shape, 4, 1);
      this.slice = 0;
      this.ownScale = false;
      this.allMaps = false;
      this.cache = new Map();
      const part = (name, label) => make("div", { class: name, role: "group", "aria-label": label });
      this.status = make("p", { class: "soft", role: "status", "aria-live": "polite" });
      this.parts = {
        samples: part("ex-samples", "samples"),
        answer: part("ex-answer", "why this answer"),
        strip: part("ex-strip", "layers"),
        layer: part("ex-layer", "the layer"),
        chain: part("ex-chain", "from the logits to the submission"),
      };
      const heading = (text) => make("h4", {}, text);
      root.replaceChildren(
        heading("Choose a sample"), this.parts.samples, this.status, this.parts.answer,
        heading("All layers, in the order in which the network computes them"), this.parts.strip, this.parts.layer,
        heading("From the logits to the number"), this.parts.chain,
      );
      this.pick(0);
    }

    async pick(number) {
      this.sample = this.told.samples[number];
      this.number = number;
      if (this.isScan) this.slice = this.hottest();
      const hadFocus = this.parts.samples.contains(document.activeElement);
      this.drawSamples();
      if (hadFocus) this.parts.samples.children[number].focus({ preventScroll: true });
      this.drawAnswer();
      this.drawChain();
      this.parts.strip.replaceChildren();
      this.parts.layer.replaceChildren();
      const tell = (text) => {
        if (this.number === number) this.status.textContent = text;
      };
      if (!this.cache.has(number)) this.cache.set(number, await computed(this.steps, this.told.samples[number], tell));
      if (this.number !== number) return; // another one was chosen meanwhile
      this.values = this.cache.get(number);
      const logits = this.values[this.values.length - 1];
      this.status.textContent = `computed in this page: logits ${this.told.classes.map((name, k) => `${name} ${shown(logits[k])}`).join(", ")}`;
      this.open(this.layer ?? Math.min(1, this.layers.length - 1));
    }

    /** What a person calls the layer of a step. */
    nameOf(number) {
      return this.names[this.layers.findIndex((numbers) => numbers.includes(number))];
    }

    /** The maps that the heat map is made of. */
    heatMaps() {
      const place = this.layers.findIndex((numbers) => numbers.includes(this.told.heat_layer));
      return `maps of step ${place + 1} of ${this.layers.length} (${this.names[place]})`;
    }

    /** The slice in which the heat map is strongest. */
    hottest() {
      if (!this.sample.heat) return Math.floor(this.sampleShape[0] / 2);
      const heat = decoded(this.sample.heat);
      const depth = this.sample.heat.shape[0];
      const most = heat.indexOf(heat.reduce((one, other) => Math.max(one, other), 0));
      return Math.min(this.sampleShape[0] - 1, Math.floor(((Math.floor(most / (heat.length / depth)) + 0.5) * this.sampleShape[0]) / depth));
    }

    title(sample) {
      const said = this.told.classes[sample.told];
      if (this.told.task === "regression") return sample.split === "test" ? "test" : `${sample.label}: ${sample.why === "right" ? "near" : "far off"}`;
      return sample.split === "test" ? `test: ${said}` : `${sample.label}: ${sample.why === "right" ? "right" : sample.why === "wrong" ? `taken for ${said}` : "unsure"}`;
    }

    drawSamples() {
      this.parts.samples.replaceChildren(
        ...this.told.samples.map((sample, number) =>
          make(
            "button",
            { type: "button", "aria-pressed": String(number === this.number), onclick: () => this.pick(number) },
            picture(sample, this.sampleShape, Math.floor(this.sampleShape[0] / 2), sample.sample_id),
            make("span", {}, this.title(sample)),
            make("span", { class: "soft id" }, sample.sample_id),
          ),
        ),
      );
    }

    drawAnswer() {
      const { sample, sampleShape } = this;
      const figure = (canvas, text) => make("figure", {}, canvas, make("figcaption", {}, text));
      const over = (block, range, text) => {
        const canvas = picture(sample, sampleShape, this.slice, text);
        const context = canvas.getContext("2d");
        const shape = padded(block.shape, 3, 1);
        const values = decoded(block);
        const z = Math.min(shape[0] - 1, Math.floor(((this.slice + 0.5) * shape[0]) / sampleShape[0]));
        const share = (y, x) => values[(z * shape[1] + y) * shape[2] + x] / (range || 1);
        const small = painted(make("canvas"), shape[1], shape[2], (y, x) => (share(y, x) >= 0 ? [255, 150, 0] : [40, 120, 255]), (y, x) => 200 * Math.abs(share(y, x)));
        context.imageSmoothingEnabled = true;
        context.drawImage(small, 0, 0, canvas.width, canvas.height);
        return figure(canvas, text);
      };
      const said = this.told.classes[sample.told];
      const slider = this.isScan
        ? make("label", { class: "ex-slice" }, `slice ${this.slice + 1} of ${sampleShape[0]} `,
            make("input", { type: "range", min: 0, max: sampleShape[0] - 1, value: this.slice, "aria-label": "slice",
              oninput: (event) => { this.slice = Number(event.target.value); this.drawAnswer(); this.parts.answer.querySelector("input").focus(); } }))
        : null;
      this.parts.answer.replaceChildren(
        make("h4", {}, `Why “${said}”?`),
        ...(slider ? [slider] : []),
        make("div", { class: "ex-figures" },
          figure(picture(sample, sampleShape, this.slice, `sample ${sample.sample_id}`), "the sample as the network gets it"),
          ...(sample.heat ? [over(sample.heat, 255, `Grad-CAM: where the ${this.heatMaps()} speak for ${said}`)] : []),
          over(sample.covered, largest(decoded(sample.covered)), `Covered part by part: orange where the logit of ${said} falls without it, blue where it rises; at most by ${shown(largest(decoded(sample.covered)))}`),
        ),
      );
    }

    drawStrip() {
      this.parts.strip.replaceChildren(
        ...this.layers.map((numbers, k) => {
          const last = numbers[numbers.length - 1];
          const shape = shapeOf(this.steps[last]);
          const [map, at] = this.strongest(last);
          const canvas = shape[1] * shape[2] > 1 ? this.mapCanvas(last, map, at[0], `map ${map + 1}`) : null;
          return make(
            "button",
            { type: "button", "aria-pressed": String(k === this.layer), onclick: () => this.open(k, true) },
            make("b", {}, this.names[k]),
            canvas,
            make("span", { class: "soft" }, times(this.steps[last].shape)),
          );
        }),
      );
    }

    /** The map and the place of a step's largest value. */
    strongest(number) {
      const values = this.values[number];
      const shape = shapeOf(this.steps[number]);
      let most = 0;
      for (let i = 1; i < values.length; i++) if (values[i] > values[most]) most = i;
      const map = most % shape[3];
      const place = (most - map) / shape[3];
      return [map, [Math.floor(place / (shape[1] * shape[2])), Math.floor(place / shape[2]) % shape[1], place % shape[2]]];
    }

    open(layer, focus = false) {
      this.layer = layer;
      const numbers = this.layers[layer];
      this.step = numbers[numbers.length - 1];
      [this.map, this.at] = this.strongest(this.step);
      this.allMaps = false;
      this.drawStrip();
      this.drawLayer();
      if (focus) this.parts.strip.children[layer].focus({ preventScroll: true });
    }

    range(number, map) {
      if (!this.ownScale) return largest(this.values[number]);
      const maps = shapeOf(this.steps[number])[3];
      let most = 0;
      for (let i = map; i < this.values[number].length; i += maps) most = Math.max(most, Math.abs(this.values[number][i]));
      return most;
    }

    mapCanvas(number, map, slice, text) {
      const shape = shapeOf(this.steps[number]);
      const values = this.values[number];
      const range = this.range(number, map);
      return painted(make("canvas", { role: "img", "aria-label": text }), shape[1], shape[2], (y, x) => colour(values[offset(shape, [slice, y, x], map)], range));
    }

    drawLayer() {
      const numbers = this.layers[this.layer];
      const first = this.steps[numbers[0]];
      const step = this.steps[this.step];
      const shape = shapeOf(step);
      const facts = [
        first.window.length ? `window ${times(first.window)}, stride ${times(first.stride)}, padding ${times(first.padding)}` : "",
        `out ${times(step.shape)}`,
        `${numbers.reduce((sum, k) => sum + this.steps[k].weights, 0).toLocaleString("en")} weights`,
        `${counted(numbers.reduce((sum, k) => sum + this.steps[k].flops, 0))} floating-point operations`,
        step.reach.length && this.layer ? `one value sees ${times(step.reach.map((one) => one.size))} of the sample` : "",
      ].filter(Boolean);
      const tabs = numbers.map((k) =>
        make("button", { type: "button", "aria-pressed": String(k === this.step), onclick: () => { this.step = k; this.drawLayer(); this.focus(`.ex-tabs button:nth-child(${numbers.indexOf(k) + 1})`); } }, this.steps[k].title),
      );
      this.parts.layer.replaceChildren(
        make("h4", {}, this.names[this.layer]),
        make("p", {}, facts.join(" · ")),
        make("div", { class: "ex-tabs", role: "group", "aria-label": "what of it to show" }, ...tabs,
          make("label", {}, make("input", { type: "checkbox", checked: this.ownScale, onchange: (event) => { this.ownScale = event.target.checked; this.drawStrip(); this.drawLayer(); this.focus(".ex-tabs input"); } }), " each map its own colours")),
        this.mapsOf(shape),
        make("div", { class: "ex-window" }),
      );
      this.drawWindow();
    }

    focus(selector) {
      this.parts.layer.querySelector(selector)?.focus({ preventScroll: true });
    }

    mapsOf(shape) {
      const maps = shape[3];
      if (shape[0] * shape[1] * shape[2] === 1) {
        const values = this.values[this.step];
        const most = largest(values);
        const order = [...values.keys()].sort((one, other) => Math.abs(values[other]) - Math.abs(values[one])).slice(0, this.allMaps ? maps : SHOWN_MAPS);
        return make("div", { class: "ex-maps" }, ...order.map((k) =>
          make("button", { type: "button", class: "ex-unit", "aria-pressed": String(k === this.map), onclick: () => this.chooseMap(k), style: `--share:${most ? Math.abs(values[k]) / most : 0}` },
            `${this.unitName(k)} ${shown(values[k])}`)), this.more(maps));
      }
      return make("div", { class: "ex-maps" },
        ...Array.from({ length: this.allMaps ? maps : Math.min(maps, SHOWN_MAPS) }, (_, k) =>
          make("button", { type: "button", "aria-pressed": String(k === this.map), "aria-label": `map ${k + 1} of ${maps}`, onclick: () => this.chooseMap(k) },
            this.mapCanvas(this.step, k, this.at[0], `map ${k + 1}`), make("span", {}, String(k + 1)))),
        this.more(maps));
    }

    more(maps) {
      if (maps <= SHOWN_MAPS || this.allMaps) return null;
      return make("button", { type: "button", class: "ex-more", onclick: () => { this.allMaps = true; this.drawLayer(); } }, `all ${maps}`);
    }

    unitName(k) {
      return this.step === this.steps.length - 1 ? this.told.classes[k] : `unit ${k + 1}`;
    }

    chooseMap(map) {
      this.map = map;
      const [shape, values] = [shapeOf(this.steps[this.step]), this.values[this.step]];
      let most = -Infinity;
      for (const at of everywhere(shape)) {
        if (values[offset(shape, at, map)] > most) [most, this.at] = [values[offset(shape, at, map)], at];
      }
      this.drawLayer();
      this.focus('.ex-maps [aria-pressed="true"]');
    }

    move(change) {
      const shape = shapeOf(this.steps[this.step]);
      const before = this.at[0];
      this.at = this.at.map((one, axis) => Math.min(Math.max(one + change[axis], 0), shape[axis] - 1));
      if (this.at[0] === before) this.drawWindow();
      else this.drawLayer();
      this.focus(".ex-big");
    }

    drawWindow() {
      const first = this.steps[this.layers[this.layer][0]];
      const shape = shapeOf(this.steps[this.step]);
      const panel = this.parts.layer.querySelector(".ex-window");
      const value = this.values[this.step][offset(shape, this.at, this.map)];
      const parts = [];
      if (shape[0] * shape[1] * shape[2] > 1) {
        const place = (this.isScan ? [`slice ${this.at[0] + 1}`] : []).concat([`row ${this.at[1] + 1}`, `column ${this.at[2] + 1}`]).join(", ");
        parts.push(make("p", { class: "ex-readout", role: "status", "aria-live": "polite" }, `Map ${this.map + 1}, ${place}: `, make("b", { class: "ex-value" }, shown(value))));
        parts.push(make("div", { class: "ex-figures" }, this.bigMap(shape), ...this.seenPart()));
      } else parts.push(make("p", { class: "ex-readout", role: "status", "aria-live": "polite" }, `${this.unitName(this.map)}: `, make("b", { class: "ex-value" }, shown(value))));
      const explain = first.closed ? null : this[`explain_${first.kind}`];
      parts.push(first.closed
        ? make("p", { class: "soft" }, first.kind === "other" ? `The page does not know TensorFlow's ${first.how}; its results are shown.` : "This layer has too many weights for a page; its results are shown.")
        : explain ? explain.call(this, first, this.layers[this.layer][0]) : "");
      if (this.layer) parts.push(this.onwards());
      panel.replaceChildren(...parts.filter(Boolean));
    }

    bigMap(shape) {
      const canvas = this.mapCanvas(this.step, this.map, this.at[0], "");
      canvas.className = "ex-big";
      canvas.tabIndex = 0;
      canvas.setAttribute("role", "application");
      canvas.setAttribute("aria-label", `map ${this.map + 1}: the arrow keys move the window${this.isScan ? ", page up and down change the slice" : ""}`);
      const context = canvas.getContext("2d");
      const scaled = make("canvas");
      const zoom = Math.max(1, Math.round(256 / Math.max(shape[1], shape[2])));
      scaled.width = shape[2] * zoom;
      scaled.height = shape[1] * zoom;
      const big = scaled.getContext("2d");
      big.imageSmoothingEnabled = false;
      big.drawImage(canvas, 0, 0, scaled.width, scaled.height);
      big.strokeStyle = "#fff";
      big.lineWidth = 2;
      big.strokeRect(this.at[2] * zoom, this.at[1] * zoom, zoom, zoom);
      canvas.width = scaled.width;
      canvas.height = scaled.height;
      context.drawImage(scaled, 0, 0);
      const go = (event) => {
        const box = canvas.getBoundingClientRect();
        const x = Math.floor(((event.clientX - box.left) / box.width) * shape[2]);
        const y = Math.floor(((event.clientY - box.top) / box.height) * shape[1]);
        if (x !== this.at[2] || y !== this.at[1]) this.move([0, y - this.at[1], x - this.at[2]]);
      };
      canvas.addEventListener("click", go);
      canvas.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") go(event); });
      canvas.addEventListener("keydown", (event) => {
        const change = { ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0], PageUp: [-1, 0, 0], PageDown: [1, 0, 0] }[event.key];
        if (!change || (change[0] && !this.isScan)) return;
        event.preventDefault();
        this.move(change);
      });
      return make("figure", {}, canvas, make("figcaption", {}, "the feature map; hover, click or use the arrow keys"));
    }

    /** The sample with the part that the value sees, its receptive field. */
    seenPart() {
      const reach = this.steps[this.step].reach;
      if (!reach.length) return [];
      const [along, down, across] = padded(reach, 3, null);
      const first = (one, at) => one.start + at * one.jump;
      const middle = along ? Math.min(Math.max(Math.round(first(along, this.at[0]) + along.size / 2 - 0.5), 0), this.sampleShape[0] - 1) : 0;
      const zoom = Math.max(1, Math.round(256 / Math.max(this.sampleShape[1], this.sampleShape[2])));
      const small = picture(this.sample, this.sampleShape, middle, "");
      const canvas = make("canvas", { role: "img", "aria-label": "the part of the sample that this value sees", class: "ex-seen" });
      canvas.width = small.width * zoom;
      canvas.height = small.height * zoom;
      const context = canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, canvas.width, canvas.height);
      context.lineWidth = 3;
      context.strokeStyle = "#ffb020";
      const [y, x] = [first(down, this.at[1]), first(across, this.at[2])];
      context.strokeRect(x * zoom, y * zoom, across.size * zoom, down.size * zoom);
      const slices = along ? `, slices ${Math.max(first(along, this.at[0]), 0) + 1} to ${Math.min(first(along, this.at[0]) + along.size, this.sampleShape[0])} (slice ${middle + 1} is shown)` : "";
      return [make("figure", {}, canvas, make("figcaption", {}, `the part of the sample that this value sees (its receptive field)${slices}`))];
    }

    grid(sides, cell, text) {
      return make("table", { class: "ex-grid", "aria-label": text },
        ...Array.from({ length: sides[1] }, (_, y) => make("tr", {}, ...Array.from({ length: sides[2] }, (__, x) => cell(y, x)))));
    }

    explain_convolution(step, number) {
      const [input] = step.inputs;
      const source = shapeOf(this.steps[input]);
      const shape = shapeOf(step);
      const sides = three(step.window, 1);
      const values = this.values[input];
      const { window, bias } = step.weightsOf;
      const weightAt = ([a, b, c], channel) => window[((((a * sides[1] + b) * sides[2] + c) * source[3]) + channel) * shape[3] + this.map];
      const there = taps(step, source, this.at);
      const sums = Array.from({ length: source[3] }, (_, channel) => there.reduce((sum, [tap, place]) => sum + values[offset(source, place, channel)] * weightAt(tap, channel), 0));
      const order = [...sums.keys()].sort((one, other) => Math.abs(sums[other]) - Math.abs(sums[one]));
      const top = order.slice(0, SHOWN_INPUTS);
      const sheets = (channel, what, text) =>
        make("div", { class: "ex-sheets" }, ...Array.from({ length: sides[0] }, (_, a) =>
          this.grid(sides, (b, c) => {
            const hit = there.find(([tap]) => tap[0] === a && tap[1] === b && tap[2] === c);
            const value = what([a, b, c], hit, channel);
            return make("td", { class: hit ? "" : "soft" }, value === null ? "·" : shown(value));
          }, text)));
      const block = (channel) => make("div", { class: "ex-products" },
        make("b", {}, `${number && input === 0 ? "channel" : "map"} ${channel + 1}`),
        sheets(channel, (_, hit) => (hit ? values[offset(source, hit[1], channel)] : null), "the patch under the window"), make("span", {}, "×"),
        sheets(channel, (tap) => weightAt(tap, channel), "the window's weights"), make("span", {}, "="),
        sheets(channel, (tap, hit) => (hit ? values[offset(source, hit[1], channel)] * weightAt(tap, channel) : null), "their products"),
        make("span", {}, "sum ", make("b", { class: "ex-sum" }, shown(sums[channel]))));
      const rest = order.slice(SHOWN_INPUTS).reduce((sum, channel) => sum + sums[channel], 0);
      const total = this.values[number][offset(shape, this.at, this.map)];
      return make("div", {},
        make("p", {}, `The window lies on ${times(three(step.window, 1).slice(this.isScan ? 0 : 1))} values of ${source[3] === 1 ? "the one map that comes" : `each of the ${source[3]} maps that come`} in${there.length < product(sides) ? ", partly beyond the edge, where there is nothing (·)" : ""}. Value times weight, all added up; the maps that count most here come first.`),
        ...top.map(block),
        make("p", { class: "ex-equation" }, top.map((channel) => shown(sums[channel])).join(" + "),
          order.length > SHOWN_INPUTS ? ` + ${shown(rest)} (the other ${order.length - SHOWN_INPUTS} maps)` : "",
          bias ? ` + ${shown(bias[this.map])} (bias)` : "", " = ", make("b", { class: "ex-total" }, shown(total))));
    }

    explain_pooling(step, number) {
      const [input] = step.inputs;
      const source = shapeOf(this.steps[input]);
      const there = taps(step, source, this.at);
      const sides = three(step.window, 1);
      const stride = three(step.stride, 1);
      const value = (place) => this.values[input][offset(source, place, this.map)];
      const most = there.reduce((best, hit) => (value(hit[1]) > value(best[1]) ? hit : best), there[0]);
      const sheet = (a) => this.grid(sides, (b, c) => {
        const hit = there.find(([tap]) => tap[0] === a && tap[1] === b && tap[2] === c);
        return make("td", { class: !hit ? "soft" : step.how === "max" && hit === most ? "ex-most" : "" }, hit ? shown(value(hit[1])) : "·");
      }, "the patch under the window");
      const meets = sides.some((side, axis) => side > stride[axis]) ? "Neighbouring windows overlap." : sides.some((side, axis) => side < stride[axis]) ? "Between the windows values are skipped." : "Each value is under one window.";
      return make("div", {},
        make("p", {}, `The window lies on ${there.length} values of map ${this.map + 1}; ${step.how === "max" ? "the largest one (ringed) is kept" : "their mean is kept"}. ${meets}`),
        make("div", { class: "ex-sheets" }, ...Array.from({ length: sides[0] }, (_, a) => sheet(a))),
        make("p", { class: "ex-equation" }, step.how === "max" ? "largest: " : "mean: ", make("b", { class: "ex-total" }, shown(this.values[number][offset(shapeOf(step), this.at, this.map)]))));
    }

    explain_fully_connected(step, number) {
      const [input] = step.inputs;
      const source = shapeOf(this.steps[input]);
      const values = this.values[input];
      const maps = shapeOf(step)[3];
      const { window, bias } = step.weightsOf;
      const parts = Array.from(values, (value, i) => value * window[i * maps + this.map]);
      const order = [...parts.keys()].sort((one, other) => Math.abs(parts[other]) - Math.abs(parts[one]));
      const top = order.slice(0, 12);
      const most = Math.abs(parts[top[0]]) || 1;
      const name = (i) => (source[0] * source[1] * source[2] === 1 ? `unit ${i + 1}` : `map ${(i % source[3]) + 1}, place ${Math.floor(i / source[3]) + 1}`);
      const rest = order.slice(12).reduce((sum, i) => sum + parts[i], 0);
      return make("div", {},
        make("p", {}, `Every value that comes in, times its weight for “${this.unitName(this.map)}”, added up. The ones that count most:`),
        make("table", { class: "ex-bars" }, ...top.map((i) => make("tr", {},
          make("th", { scope: "row" }, name(i)), make("td", {}, `${shown(values[i])} × ${shown(window[i * maps + this.map])} = ${shown(parts[i])}`),
          make("td", { class: parts[i] < 0 ? "ex-bar ex-minus" : "ex-bar", style: `--share:${Math.abs(parts[i]) / most}` })))),
        make("p", { class: "ex-equation" }, `${shown(top.reduce((sum, i) => sum + parts[i], 0))}${order.length > top.length ? ` (these) + ${shown(rest)} (the other ${order.length - top.length})` : ""}`,
          bias ? ` + ${shown(bias[this.map])} (bias)` : "", " = ", make("b", { class: "ex-total" }, shown(this.values[number][this.map]))));
    }

    explain_global_pooling(step, number) {
      const source = shapeOf(this.steps[step.inputs[0]]);
      return make("p", { class: "ex-equation" }, `${step.how === "max" ? "The largest" : "The mean"} of the ${source[0] * source[1] * source[2]} values of map ${this.map + 1}: `, make("b", { class: "ex-total" }, shown(this.values[number][this.map])));
    }

    explain_add(step, number) {
      const at = offset(shapeOf(step), this.at, this.map);
      return make("p", { class: "ex-equation" }, step.inputs.map((k) => `${shown(this.values[k][at])} (from ${this.nameOf(k)})`).join(" + "), " = ", make("b", { class: "ex-total" }, shown(this.values[number][at])));
    }

    /** What the rest of the layer makes of the value: batch normalisation, ReLU. */
    onwards() {
      const numbers = this.layers[this.layer].slice(1);
      const lines = numbers.map((number) => {
        const step = this.steps[number];
        const at = offset(shapeOf(step), this.at, this.map);
        const [before, after] = [this.values[step.inputs[0]][at], this.values[number][at]];
        if (step.closed) return make("li", {}, `${step.title}: `, make("b", {}, shown(after)));
        if (step.kind === "activation") return make("li", {}, `${step.title} of ${shown(before)}${step.how === "ReLU" ? (before > 0 ? " (above 0: kept)" : " (not above 0: becomes 0)") : ""} = `, make("b", {}, shown(after)));
        const { factor, addend } = step.weightsOf;
        const one = (array) => array[array.length === 1 ? 0 : this.map];
        return make("li", {}, `${step.title}: ${shown(before)} × ${shown(one(factor))} + ${shown(one(addend))} = `, make("b", {}, shown(after)));
      });
      return lines.length ? make("ol", { class: "ex-onwards" }, ...lines) : null;
    }

    drawChain() {
      const { chain, cells } = this.sample;
      const rows = chain.map((link) => make("tr", {}, make("th", { scope: "row" }, link.what), ...link.values.map((value) => make("td", { class: "n" }, String(Number(value.toPrecision(9)))))));
      this.parts.chain.replaceChildren(
        make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "from the logits to the submission" },
          make("table", {}, make("tr", {}, make("th", {}, "step"), ...this.told.classes.map((name) => make("th", { class: "n" }, name))), ...rows)),
        cells.length
          ? make("p", {}, "In submission.csv, row ", make("code", {}, cells[0].row), ": ", ...cells.flatMap((cell) => [make("code", {}, cell.column), " = ", make("b", { class: "ex-cell" }, cell.text), ` (${cell.label}) `]))
          : make("p", { class: "soft" }, this.sample.split === "train" ? "This sample was held out: what this network says of it stands in its out-of-fold.csv. Choose a test sample to see the way to the submission." : "The submission has no row of just this sample."));
    }
  }

  for (const root of document.querySelectorAll("[data-explained]")) {
    const told = JSON.parse(document.getElementById(root.dataset.explained).textContent);
    const begin = () => new Explorer(root, told);
    if ("IntersectionObserver" in window) {
      const watch = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) { watch.disconnect(); begin(); } }, { rootMargin: "400px" });
      watch.observe(root);
    } else begin();
  }
})();
