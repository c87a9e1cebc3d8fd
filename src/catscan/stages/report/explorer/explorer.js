// The explorer: runs the opened network on the chosen sample, here in the page, and shows what every window does.

const SHOWN_MAPS = 32;
const OWN_ANSWER = "“catscan predict” with this fold's network answers the same of this file: within 0.001 for a PNG, within 0.02 for a JPEG, which a browser decodes in its own way. Grad-CAM is drawn where the means of the last maps go straight to the output; of any network covering shows what counts.";

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
    this.begun = Boolean(told.samples[0].features); // after steps that are not here
    let hidden = 0;
    this.names = this.layers.map((numbers, k) => {
      const { kind, title } = this.steps[numbers[0]];
      if (!k) return told.extractors.length ? "features" : this.begun ? "the last maps" : "input";
      if (k === this.layers.length - 1) return `output: ${title}`;
      return ["convolution", "pooling", "fully_connected"].includes(kind) ? `hidden layer ${++hidden}: ${title}` : title;
    });
    const { shape } = told.samples[0].pixels;
    this.isScan = shape.length === 4;
    this.sampleShape = padded(shape, 4, 1);
    this.ownScale = false;
    this.allMaps = false;
    this.cache = new Map(); // of a sample, its values
    const part = (name, label) => make("div", { class: name, role: "group", "aria-label": label });
    this.status = make("p", { class: "soft", role: "status", "aria-live": "polite" });
    this.parts = {
      own: this.ownPart(),
      samples: part("ex-samples", "samples"),
      answer: part("ex-answer", "why this answer"),
      strip: part("ex-strip", "layers"),
      layer: part("ex-layer", "the layer"),
      chain: part("ex-chain", "from the logits to the submission"),
    };
    const heading = (text) => make("h4", {}, text);
    root.replaceChildren(
      heading("Choose a sample"), this.parts.samples, ...[this.parts.own].filter(Boolean), this.status, this.parts.answer,
      heading("All layers, in the order in which the network computes them"), this.parts.strip, this.parts.layer,
      heading("From the logits to the number"), this.parts.chain,
    );
    this.pick(0);
  }

  async pick(number) {
    this.sample = this.told.samples[number];
    this.number = number;
    this.cross = this.hottest();
    const hadFocus = this.parts.samples.contains(document.activeElement);
    this.drawSamples();
    if (hadFocus) this.parts.samples.children[number].focus({ preventScroll: true });
    this.drawAnswer();
    this.drawChain();
    this.parts.strip.replaceChildren();
    this.parts.layer.replaceChildren();
    const tell = (text) => {
      if (this.sample === this.told.samples[number]) this.status.textContent = text;
    };
    const { sample } = this;
    const values = await this.valuesOf(sample, tell);
    if (this.sample !== sample) return; // another one was chosen meanwhile
    this.values = values;
    const logits = this.values[this.values.length - 1];
    this.status.textContent = `computed in this page: logits ${this.told.classes.map((name, k) => `${name} ${shown(logits[k])}`).join(", ")}`;
    this.open(this.layer ?? (this.begun ? this.layers.length - 1 : Math.min(1, this.layers.length - 1)));
  }

  /** All steps' values for a sample, computed once. */
  async valuesOf(sample, tell) {
    if (!this.cache.has(sample)) this.cache.set(sample, await computed(this.steps, sample, tell));
    return this.cache.get(sample);
  }

  /** The reader's own picture beside the samples; where that cannot be, why. */
  ownPart() {
    if (!this.told.picture) return null;
    const closed = this.steps.find((step) => step.closed);
    if (this.begun) return make("p", { class: "soft" }, "A picture of your own cannot be run here: the first layers are too much for a page.");
    if (closed) return make("p", { class: "soft" }, `A picture of your own cannot be run here: ${closed.kind === "other" ? `the page does not know TensorFlow's ${closed.how}` : "a layer has too many weights for a page"}.`);
    return ownPanel(this.told, (canvas, name) => this.takeOwn(canvas, name), () => this.sample);
  }

  async takeOwn(canvas, name) {
    const { picture: reader, sample_shape: shape } = this.told;
    const levels = fitted(onCanvas(canvas, shape[shape.length - 1]), reader).levels;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const [sample, values] = await ownSample(this.told, levels, name, (text) => { this.status.textContent = text; });
    if (turn !== this.turn) return; // another one came meanwhile
    const at = this.told.samples.findIndex((one) => one.split === "own");
    if (at >= 0) this.cache.delete(this.told.samples.splice(at, 1)[0]);
    this.told.samples.push(sample);
    this.cache.set(sample, values);
    this.pick(this.told.samples.length - 1);
  }

  /** What a person calls the layer of a step. */
  nameOf(number) {
    return this.names[this.layers.findIndex((numbers) => numbers.includes(number))];
  }

  /** The maps that the heat map is made of. */
  heatMaps() {
    if (this.begun) return `last maps${this.told.extractors.length ? ` of ${this.told.extractors.join(" and ")}` : ""}`;
    const place = this.layers.findIndex((numbers) => numbers.includes(this.told.heat_layer));
    return `maps of step ${place + 1} of ${this.layers.length} (${this.names[place]})`;
  }

  /** The place where the heat map is strongest, else the middle. */
  hottest() {
    if (!this.sample.heat) return this.sampleShape.slice(0, 3).map((size) => Math.floor(size / 2));
    const [heat, shape] = [decoded(this.sample.heat), padded(this.sample.heat.shape, 3, 1)];
    const most = heat.indexOf(heat.reduce((one, other) => Math.max(one, other), 0));
    const place = [Math.floor(most / (shape[1] * shape[2])), Math.floor(most / shape[2]) % shape[1], most % shape[2]];
    return place.map((one, axis) => Math.min(this.sampleShape[axis] - 1, Math.floor(((one + 0.5) * this.sampleShape[axis]) / shape[axis])));
  }

  title(sample) {
    const said = this.told.classes[sample.told];
    if (sample.split === "own") return this.told.task === "regression" ? "yours" : `yours: ${said}`;
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

  /** The edges of a voxel in mm, or what stands for them. */
  spacing() {
    return this.sample.voxels?.spacing_mm ?? [1, 1, 1];
  }

  /** What stands at a place of the sample: Hounsfield units of CT, levels of a picture. */
  measured(place) {
    const levels = [...decoded(this.sample.pixels).subarray(offset(this.sampleShape, place, 0), offset(this.sampleShape, place, 0) + this.sampleShape[3])];
    const voxels = this.sample.voxels;
    if (!voxels) return `${levels.length > 1 ? "levels" : "level"} ${levels.join(", ")}`;
    const values = levels.map((level, channel) => {
      const [low, high] = voxels.ranges[channel];
      const value = String(Math.round(low + (level * (high - low)) / 255));
      return `${level === 0 ? "at most " : level === 255 ? "at least " : ""}${value}`;
    });
    return `${values.join(" / ")} ${voxels.unit || "in the scanner's own unit"}`;
  }

  tellPlace(place) {
    const [slice, row, column] = place.map((one) => one + 1);
    this.parts.answer.querySelector(".ex-place").textContent = `${this.isScan ? `slice ${slice}, ` : ""}row ${row}, column ${column}: ${this.measured(place)}`;
  }

  /** Put the crosshair on a place of a scan; the open layer's maps are then shown there. */
  look(place, view, plane) {
    this.cross = place;
    this.drawAnswer();
    const canvases = [...this.parts.answer.querySelectorAll(`.ex-view-${view} canvas`)];
    canvases.find((canvas) => canvas.dataset.plane === plane)?.focus({ preventScroll: true });
    if (!this.values) return;
    this.at = this.placeOver(place);
    this.drawLayer();
  }

  /** The place in the shown maps whose value sees most of what lies around a place of the sample. */
  placeOver(place) {
    const step = this.steps[this.step];
    const shape = shapeOf(step);
    if (this.begun) return clamped([0, 0, place[0]], shape); // features lie slice by slice
    const reach = padded(step.reach, 3, null);
    const over = place.map((one, axis) => (reach[axis] ? Math.round((one - reach[axis].start - (reach[axis].size - 1) / 2) / reach[axis].jump) : 0));
    return clamped(over, shape);
  }

  drawAnswer() {
    const { sample, sampleShape } = this;
    const pixels = decoded(sample.pixels);
    const grey = (place) => {
      const first = offset(sampleShape, place, 0);
      return sampleShape[3] >= 3 ? [pixels[first], pixels[first + 1], pixels[first + 2]] : Array(3).fill(pixels[first]);
    };
    const figure = (rgb, view, text) =>
      make("figure", {},
        planes({ sizes: sampleShape.slice(0, 3), spacing: this.spacing(), at: this.cross, rgb, text, name: `ex-view-${view}`, go: this.isScan ? (place, plane) => this.look(place, view, plane) : null, hover: (place) => this.tellPlace(place) }),
        make("figcaption", {}, text));
    const over = (block, [least, most], view, text) => {
      const value = between(block, sampleShape);
      return figure((place) => {
        const share = (value(place) - least) / (most - least || 1);
        const strength = 0.78 * Math.abs(share);
        const hue = share >= 0 ? [255, 150, 0] : [40, 120, 255];
        return grey(place).map((level, channel) => level * (1 - strength) + hue[channel] * strength);
      }, view, text);
    };
    // A heat map is drawn from its least value on: what speaks for a class everywhere alike would hide all else.
    const heatOver = (block, view, text) => {
      const least = decoded(block).reduce((one, other) => Math.min(one, other), 255);
      return over(block, [least, 255], view, `${text}${least ? `; anywhere by at least ${Math.round(least / 2.55)} % of the most` : ""}.`);
    };
    const said = this.told.classes[sample.told];
    this.parts.answer.replaceChildren(...[
      make("h4", {}, `Why “${said}”?`),
      answerInWords(this),
      make("p", { class: "ex-place", role: "status", "aria-live": "polite" }),
      ...(this.isScan ? [make("p", { class: "soft" }, "Click a plane, or use the arrow keys, page up and page down on it, to move the crosshair through the scan; the layer that is open follows.")] : []),
      make("div", { class: this.isScan ? "ex-scans" : "ex-figures" },
        figure(grey, "sample", "The sample as the network gets it."),
        ...(sample.heat ? [heatOver(sample.heat, "heat", largest(decoded(sample.heat)) ? `Grad-CAM: where the ${this.heatMaps()} speak for ${said}` : `Grad-CAM finds nothing in the ${this.heatMaps()} that speaks for ${said}: what does lies elsewhere in the network, or in the bias`)] : []),
        ...(sample.covered ? [over(sample.covered, [0, largest(decoded(sample.covered))], "covered", `Covered part by part: orange where the logit of ${said} falls without it, blue where it rises; at most by ${shown(largest(decoded(sample.covered)))}.`)] : []),
      ),
      this.coverButton(),
      make("div", { class: "ex-pair" },
        sample.by_epoch && this.told.epochs.length > 1 ? epochsFigure(this.told, sample) : null,
        sample.deletion ? deletionFigure(sample.deletion, said, this.told.samples.map((one) => one.deletion).filter(Boolean), this.told.task === "regression" ? null : [0, 1]) : null),
      ...(sample.others?.length ? [make("h4", {}, "What the other models say of it")] : []),
      make("div", { class: this.isScan ? "ex-scans" : "ex-figures" }, ...(sample.others ?? []).map((other) => {
        const answers = this.told.classes.map((name, k) => `${name} ${shown(other.answers[k])}`).join(", ");
        const name = this.told.classes[other.told];
        const text = `${other.model}: ${answers}.`;
        return other.heat ? heatOver(other.heat, `other-${other.model}`, `${text} Grad-CAM for ${name}`) : make("p", {}, text);
      })),
    ].filter(Boolean));
    this.tellPlace(this.cross);
  }

  /** Covers the reader's own picture part by part; of the other samples the explain stage has done it. */
  coverButton() {
    const { sample } = this;
    if (sample.split !== "own" || sample.covered) return null;
    const cover = async (event) => {
      event.target.disabled = true;
      const found = await coveredOwn(this.told, sample, (text) => { if (this.sample === sample) this.status.textContent = text; });
      Object.assign(sample, found);
      if (this.sample !== sample) return; // another one was chosen meanwhile
      this.status.textContent = "covered part by part";
      this.drawAnswer();
    };
    return make("p", {}, make("button", { type: "button", class: "ex-cover", onclick: cover }, "Cover it part by part: about a hundred runs of the network"));
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
      ...[this.filters(first)].filter(Boolean),
      this.mapsOf(shape),
      product(shape.slice(0, 3)) > 1 ? make("p", { class: "soft" }, `Orange is above 0, blue below, black 0; the fullest colour is the largest value of ${this.ownScale ? "the map" : "all maps of the layer"}.`) : "",
      make("div", { class: "ex-window" }),
      ...[this.inEverySample(step, shape)].filter(Boolean),
    );
    this.drawWindow();
  }

  /** Of the first convolution the maps that come in, where its windows can be pictures of them; else 0. */
  channelsSeenBy(step) {
    const channels = step.inputs.length ? shapeOf(this.steps[step.inputs[0]])[3] : Infinity;
    return step === this.steps.find((one) => one.kind === "convolution") && !step.closed && channels <= 4 && product(step.window) > 1 ? channels : 0;
  }

  /** The windows of the first convolution as pictures, folded up until they are wanted. */
  filters(step) {
    const channels = this.channelsSeenBy(step);
    if (!channels) return null;
    const pictures = make("div", { class: "ex-maps" });
    const draw = (window) => pictures.replaceChildren(...windowPictures(step, channels, window).slice(0, this.allMaps ? Infinity : SHOWN_MAPS).map((sheets, map) =>
      make("button", { type: "button", "aria-label": `the window of map ${map + 1}`, onclick: () => this.chooseMap(map) },
        make("div", { class: "ex-sheets" }, ...sheets), make("span", {}, String(map + 1)))));
    draw(step.weightsOf.window);
    return make("details", { class: "ex-filters", open: this.filtersOpen ?? false, ontoggle: (event) => { this.filtersOpen = event.target.open; } },
      make("summary", {}, "The windows of this layer as pictures"),
      make("p", {}, `How to read them: ${inWords(channels)}`),
      this.told.windows ? this.epochSlider(draw) : null, pictures);
  }

  /** Moves the windows of the first layer through the epochs of the training. */
  epochSlider(draw) {
    const { epochs, windows } = this.told;
    const all = decoded(windows);
    const size = product(windows.shape.slice(1));
    const said = make("output", {});
    const slider = make("input", { type: "range", min: 0, max: epochs.length, step: 1, value: epochs.length });
    const tell = () => {
      const k = Number(slider.value);
      said.textContent = k ? `after epoch ${epochs[k - 1]}` : "before the first epoch";
      slider.setAttribute("aria-valuetext", said.textContent);
      return k;
    };
    slider.addEventListener("input", () => {
      const first = tell() * size;
      draw(all.subarray(first, first + size));
    });
    tell();
    return make("p", { class: "ex-epoch" }, make("label", {}, "As they were ", slider), " ", said);
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
    [, this.at] = peakOf(this.values[this.step], shapeOf(this.steps[this.step]), map);
    this.drawLayer();
    this.focus('.ex-maps [aria-pressed="true"]');
  }

  /** Put the window on another place of the map. */
  move(place) {
    if (place.every((one, axis) => one === this.at[axis])) return;
    const before = this.at[0];
    const plane = document.activeElement?.dataset?.plane ?? "";
    this.at = place;
    if (this.at[0] === before) this.drawWindow();
    else this.drawLayer();
    this.focus(`.ex-big [data-plane="${plane}"]`);
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
      parts.push(make("div", { class: this.isScan ? "ex-scans" : "ex-figures" }, this.bigMap(shape), ...this.seenPart(), ...this.windowPart(first)));
      parts.push(this.reaction(first));
    } else parts.push(make("p", { class: "ex-readout", role: "status", "aria-live": "polite" }, `${this.unitName(this.map)}: `, make("b", { class: "ex-value" }, shown(value))));
    const explain = first.closed ? null : EXPLAIN[first.kind];
    parts.push(first.closed
      ? make("p", { class: "soft" }, first.kind === "other" ? `The page does not know TensorFlow's ${first.how}; its results are shown.` : "This layer has too many weights for a page; its results are shown.")
      : explain ? explain(this, first, this.layers[this.layer][0]) : "");
    if (this.layer) parts.push(onwards(this));
    panel.replaceChildren(...parts.filter(Boolean));
  }

  /** The map that is open; a window is moved over it. */
  bigMap(shape) {
    const values = this.values[this.step];
    const range = this.range(this.step, this.map);
    const go = (place) => this.move(place);
    return make("figure", {},
      planes({
        sizes: shape.slice(0, 3), spacing: this.spacing().map((one, axis) => one * (padded(this.steps[this.step].reach, 3, null)[axis]?.jump ?? 1)), at: this.at,
        rgb: (place) => colour(values[offset(shape, place, this.map)], range), box: [this.at, [1, 1, 1]], name: "ex-big", go,
        text: `map ${this.map + 1}: the arrow keys move the window${this.isScan ? ", page up and down change the slice" : ""}`,
        hover: this.isScan ? null : go,
      }),
      make("figcaption", {}, `The feature map; ${this.isScan ? "" : "hover, "}click or use the arrow keys.`));
  }

  /** The window of the open map, where it can be a picture of what the map looks for. */
  windowPart(first) {
    const channels = this.channelsSeenBy(first);
    if (!channels) return [];
    const sheets = windowPictures(first, channels, first.weightsOf.window)[this.map];
    return [make("figure", { class: "ex-lookedfor" },
      make("div", { class: "ex-sheets", role: "img", "aria-label": `the weights of the window of map ${this.map + 1}` }, ...sheets),
      make("figcaption", {}, `What map ${this.map + 1} looks for, its window: ${inWords(channels)}${turnOf(this, this.map) < 0 ? " But batch normalisation turns its values round: the opposite is what it answers most to." : ""}`))];
  }

  /** What the open map reacts to, where its window sees the sample itself; found once, for the window moves on it. */
  reaction(first) {
    const channels = this.channelsSeenBy(first);
    if (!channels) return null;
    const [values, map] = this.reacts ?? [];
    if (values !== this.values || map !== this.map) this.reacts = [this.values, this.map, reactionInWords(this, first, channels, this.map)];
    return make("p", { class: "ex-reaction" }, this.reacts[2]);
  }

  /** The part of every sample that the open map answers most to, folded up until it is wanted. */
  inEverySample(step, shape) {
    if (!step.reach.length || this.begun || product(shape.slice(0, 3)) === 1) return null;
    const found = make("div", { class: "ex-maps" });
    const { map } = this;
    const fill = async () => {
      const parts = [];
      for (const sample of this.told.samples) {
        const values = await this.valuesOf(sample, (text) => { found.textContent = `${sample.sample_id}: ${text}`; });
        parts.push([...peakOf(values[this.steps.indexOf(step)], shape, map), sample]);
      }
      parts.sort(([one], [other]) => other - one);
      found.replaceChildren(...parts.map(([value, at, sample]) => make("figure", { class: "ex-part" },
        this.partSeen(step, at, sample), make("figcaption", {}, make("b", {}, shown(value)), ` ${sample.sample_id}`))));
    };
    const toggled = (event) => {
      this.everywhereOpen = event.target.open;
      if (event.target.open && !found.hasChildNodes()) fill();
    };
    return make("details", { class: "ex-everywhere", open: this.everywhereOpen ?? false, ontoggle: toggled },
      make("summary", {}, `Where map ${map + 1} answers most, in every sample`), found);
  }

  /** The receptive field of a value, cut out of a sample; of a scan its middle slice. */
  partSeen(step, at, sample) {
    const [first, size] = this.fieldOf(step, at);
    const slice = Math.min(Math.max(first[0] + Math.floor(size[0] / 2), 0), this.sampleShape[0] - 1);
    const pixels = decoded(sample.pixels);
    const rgb = (y, x) => {
      const place = [slice, first[1] + y, first[2] + x];
      if (place.some((one, axis) => one < 0 || one >= this.sampleShape[axis])) return [127, 127, 127];
      return [0, 1, 2].map((channel) => pixels[offset(this.sampleShape, place, this.sampleShape[3] >= 3 ? channel : 0)]);
    };
    return painted(make("canvas", { role: "img", "aria-label": `a part of ${sample.sample_id}` }), size[1], size[2], rgb);
  }

  /** The first place of a value's receptive field, and its size. */
  fieldOf(step, at) {
    const reach = padded(step.reach, 3, { start: 0, size: 1, jump: 0 });
    return [reach.map((one, axis) => one.start + at[axis] * one.jump), reach.map((one) => one.size)];
  }

  /** The sample with the part that the value sees, its receptive field. */
  seenPart() {
    const { sampleShape, sample } = this;
    const step = this.steps[this.step];
    if (!step.reach.length || this.begun) return [];
    const [first, sizes] = this.fieldOf(step, this.at);
    const middle = clamped(first.map((one, axis) => Math.round(one + (sizes[axis] - 1) / 2)), sampleShape);
    const pixels = decoded(sample.pixels);
    const [from, to] = [Math.max(first[0], 0) + 1, Math.min(first[0] + sizes[0], sampleShape[0])];
    return [make("figure", {},
      planes({
        sizes: sampleShape.slice(0, 3), spacing: this.spacing(), at: middle, box: [first, sizes], name: "ex-seen", text: "the part of the sample that this value sees",
        rgb: (place) => [0, 1, 2].map((channel) => pixels[offset(sampleShape, place, sampleShape[3] >= 3 ? channel : 0)]),
      }),
      make("figcaption", {}, `The part of the sample that this value sees (its receptive field)${this.isScan ? `, slices ${from} to ${to}` : ""}.`))];
  }

  drawChain() {
    const { chain, cells } = this.sample;
    const rows = chain.map((link) => make("tr", {}, make("th", { scope: "row" }, link.what), ...link.values.map((value) => make("td", { class: "n" }, String(Number(value.toPrecision(9)))))));
    this.parts.chain.replaceChildren(...[
      this.told.task === "regression" ? null : make("p", { class: "soft" }, `A logit is what the last layer adds up to for a class: any number, the larger the likelier. ${this.told.task === "multilabel" ? "The sigmoid makes a probability of each." : "The softmax makes probabilities of them, which add up to 1."}`),
      make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "from the logits to the submission" },
        make("table", {}, make("tr", {}, make("th", {}, "step"), ...this.told.classes.map((name) => make("th", { class: "n" }, name))), ...rows)),
      cells.length
        ? make("p", {}, "In submission.csv, row ", make("code", {}, cells[0].row), ": ", ...cells.flatMap((cell) => [make("code", {}, cell.column), " = ", make("b", { class: "ex-cell" }, cell.text), ` (${cell.label}) `]))
        : make("p", { class: "soft" }, this.sample.split === "own" ? OWN_ANSWER : this.sample.split === "train" ? "This sample was held out: what this network says of it stands in its out-of-fold.csv. Choose a test sample to see the way to the submission." : "The submission has no row of just this sample."),
    ].filter(Boolean));
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
