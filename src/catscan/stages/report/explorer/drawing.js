// Elements and canvases.

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
