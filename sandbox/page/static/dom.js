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

export function replace(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter(Boolean));
}
