// The page beside the explorer: samples enlarge, and the contents list says where the reader is.
"use strict";
(() => {
  const made = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // ---- galleries

  const dialog = made("dialog", { className: "large" });
  const image = made("img", { alt: "" });
  const text = made("p", {});
  let tiles = [];
  let shown = 0;
  const show = (number) => {
    shown = (number + tiles.length) % tiles.length;
    const tile = tiles[shown];
    const source = tile.querySelector(".sheet") || tile.querySelector(".thumb");
    const [id, told] = [...tile.querySelector("figcaption").children].map((one) => one.textContent);
    image.src = source.src;
    image.alt = `Sample ${id}`;
    text.textContent = `${id} (${told}), ${shown + 1} of ${tiles.length}`;
    dialog.setAttribute("aria-label", `Sample ${id}`);
  };
  const turned = (title, by) => made("button", { type: "button", textContent: title, onclick: () => show(shown + by) });
  dialog.append(
    image,
    text,
    turned("Previous", -1),
    turned("Next", 1),
    made("button", { type: "button", textContent: "Close", onclick: () => dialog.close() }),
  );
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) show(shown + by);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside what is in it
  });
  document.body.append(dialog);
  for (const gallery of document.querySelectorAll(".gallery")) {
    const of = [...gallery.querySelectorAll(".tile")];
    of.forEach((tile, number) => {
      const thumb = tile.querySelector(".thumb");
      const button = made("button", { type: "button", className: "enlarge" });
      button.setAttribute("aria-label", `Enlarge sample ${tile.querySelector("code").textContent}`);
      thumb.replaceWith(button);
      button.append(thumb);
      button.addEventListener("click", () => {
        tiles = of;
        show(number);
        dialog.showModal();
      });
    });
  }

  // ---- contents

  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  const headings = [...document.querySelectorAll("main h1, main h2, main h3")].filter((heading) => links.has(heading.id));
  let current;
  const follow = () => {
    const line = innerHeight / 4;
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top <= line);
    const link = links.get((passed.at(-1) || headings[0])?.id);
    if (!link || link === current) return;
    current?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    current = link;
    const list = document.querySelector(".contents");
    list.scrollTo({ left: link.offsetLeft - list.clientWidth / 3, top: link.offsetTop - list.clientHeight / 2 });
  };
  addEventListener("scroll", () => requestAnimationFrame(follow), { passive: true });
  new ResizeObserver(follow).observe(document.body); // an explorer has opened above, a part was folded up
  follow();

  // What is folded away is printed too, but for what is long, and what the explorer would have to compute first.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open], .long, .explorer details)")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });
})();
