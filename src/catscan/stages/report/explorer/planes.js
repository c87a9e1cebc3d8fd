// The planes of a sample, or of a map: one of a picture; of a scan three through one place, in true proportions.

const LONGEST_SIDE = 256; // of a plane, in CSS pixels
// How large planes are shown (explorer.css): a line must be thicker the smaller, or it falls between two pixels.
const [SMALL, ON_A_PHONE] = [0.32, 0.4];
const isPhone = matchMedia("(max-width: 600px)");
// The axes that go down and across, and whether the first row is the last along the axis: a scan's slices go upwards.
const ONE_PLANE = [{ name: "", down: 1, across: 2, through: 0 }];
const THREE_PLANES = [
  { name: "axial", down: 1, across: 2, through: 0 },
  { name: "coronal", down: 0, across: 2, through: 1, upwards: true },
  { name: "sagittal", down: 0, across: 1, through: 2, upwards: true },
];

const placeIn = (plane, sizes, at, row, column) => {
  const place = [...at];
  place[plane.down] = plane.upwards ? sizes[plane.down] - 1 - row : row;
  place[plane.across] = column;
  return place;
};
const clamped = (at, sizes) => at.map((one, axis) => Math.min(Math.max(one, 0), sizes[axis] - 1));

/** What a key does to a place in a plane: one step along it, or through it by PageUp and PageDown. */
const stepped = (plane, at, key, sizes) => {
  const across = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0;
  const down = ({ ArrowUp: -1, ArrowDown: 1 }[key] ?? 0) * (plane.upwards ? -1 : 1);
  const through = { PageUp: 1, PageDown: -1 }[key] ?? 0;
  if (!across && !down && !through) return null;
  const place = [...at];
  place[plane.across] += across;
  place[plane.down] += down;
  place[plane.through] += through;
  return clamped(place, sizes);
};

/**
 * The planes through `at` as canvases.
 *
 * `sizes` and `spacing` are of three axes; `rgb` gives the colour of a place. A box `[first, size]` is framed, in all
 * planes, else a scan gets a crosshair. `go` is called with the place that is clicked or reached by keys, `hover` with
 * the one under the pointer; without `go` the planes are pictures.
 */
const planes = ({ sizes, spacing, at, rgb, text, box = null, go = null, hover = null, name = "" }) => {
  const isScan = sizes[0] > 1;
  const all = isScan ? THREE_PLANES : ONE_PLANE;
  const line = Math.ceil(1 / (name === "ex-came" ? SMALL : isScan && isPhone.matches ? ON_A_PHONE : 1));
  const longest = Math.max(...sizes.map((size, axis) => (isScan || axis ? size * spacing[axis] : 0)));
  return make("div", { class: `ex-planes ${name}` }, ...all.map((plane) => {
    const [rows, columns] = [sizes[plane.down], sizes[plane.across]];
    const small = painted(make("canvas"), rows, columns, (row, column) => rgb(placeIn(plane, sizes, at, row, column)));
    const zooms = [plane.down, plane.across].map((axis) => (LONGEST_SIDE * spacing[axis]) / longest);
    const canvas = make("canvas", { "aria-label": plane.name ? `${text}, ${plane.name}` : text, role: go ? "application" : "img", tabindex: go ? 0 : null, "data-plane": plane.name });
    canvas.height = Math.max(1, Math.round(rows * zooms[0]));
    canvas.width = Math.max(1, Math.round(columns * zooms[1]));
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    const [down, across] = [canvas.height / rows, canvas.width / columns];
    const first = box ? box[0] : at;
    const size = box ? box[1] : [1, 1, 1];
    const row = plane.upwards ? rows - first[plane.down] - size[plane.down] : first[plane.down];
    if (isScan && !box) {
      context.fillStyle = "#ffb020b0";
      const [y, x] = [Math.round((row + 0.5) * down), Math.round((first[plane.across] + 0.5) * across)];
      const before = (line - 1) / 2;
      context.fillRect(0, y - before, canvas.width, line);
      context.fillRect(x - before, 0, line, canvas.height);
    }
    if (box) {
      context.lineWidth = line + 1;
      context.strokeStyle = "#ffb020";
      context.strokeRect(first[plane.across] * across, row * down, size[plane.across] * across, size[plane.down] * down);
    }
    const under = (event) => {
      const frame = canvas.getBoundingClientRect();
      return clamped(placeIn(plane, sizes, at, Math.floor(((event.clientY - frame.top) / frame.height) * rows), Math.floor(((event.clientX - frame.left) / frame.width) * columns)), sizes);
    };
    if (hover) canvas.addEventListener("pointermove", (event) => hover(under(event)));
    if (go) {
      canvas.addEventListener("click", (event) => go(under(event), plane.name));
      canvas.addEventListener("keydown", (event) => {
        const place = stepped(plane, at, event.key, sizes);
        if (!place || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        go(place, plane.name);
      });
    }
    return make("div", { class: "ex-plane", style: `--wide:${canvas.width}` }, canvas, plane.name ? make("span", { class: "soft" }, plane.name) : null);
  }));
};

/** A block of values as a function of a place in a grid of other `sizes` over the same field, linear between. */
const between = (block, sizes) => {
  const shape = padded(block.shape, 3, 1);
  const values = decoded(block);
  return (place) => {
    const ends = place.map((one, axis) => {
      const exact = Math.min(Math.max(((one + 0.5) * shape[axis]) / sizes[axis] - 0.5, 0), shape[axis] - 1);
      const low = Math.floor(exact);
      return [[low, 1 - exact + low], [Math.min(low + 1, shape[axis] - 1), exact - low]];
    });
    let found = 0;
    for (const [z, a] of ends[0]) for (const [y, b] of ends[1]) for (const [x, c] of ends[2]) if (a * b * c) found += a * b * c * values[(z * shape[1] + y) * shape[2] + x];
    return found;
  };
};
