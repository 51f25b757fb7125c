// Elements of the page. Text always goes in as text: what is shown was written by others.

export function h(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "data") Object.assign(node.dataset, value);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else if (key in node && typeof value !== "string") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false));
  return node;
}

// A link that a person may follow. Other schemes (javascript: …) are shown and lead nowhere.
export function link(address, ...children) {
  if (!/^(https?|mailto):/i.test(address)) return h("span", { class: "no-link", title: address }, children);
  return h("a", { href: address, target: "_blank", rel: "noreferrer noopener", title: address }, children);
}

// Small drawings of our own, so that nothing depends on the fonts of the machine.
const ICONS = {
  lock: "M5 7V5a3 3 0 0 1 6 0v2M4 7h8v6H4z",
  people: "M6 7a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM2.5 13c0-3 7-3 7 0M11 7.5a1.7 1.7 0 1 0 0-3.4M11 9.6c1.6 0 3 .9 3 2.9",
  eye: "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8zM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z",
  file: "M4 1.8h5L12 5v9.2H4zM9 1.8V5h3M6 8h4M6 10.5h4",
  picture: "M2 3h12v10H2zM2 11l3.5-4 3 3L11 7.5l3 3.5",
  cross: "M4 4l8 8M12 4l-8 8",
  lines: "M3 4.5h10M3 8h10M3 11.5h10",
  dots: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  plane: "M2.5 8L13.5 2.8 11 13.2 7.5 9.5zM7.5 9.5l6-6.7",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: `icon icon-${name}`, "aria-hidden": "true" })) svg.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function replace(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter(Boolean));
}
