// A leaderboard: a click on a heading sorts, on a row unfolds its cells; a field filters the rows.
const board = document.querySelector(".board");
const methods = [...board.tBodies];
const asButton = (element) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = element.className;
  button.append(...element.childNodes);
  element.replaceWith(button);
  return button;
};

[...board.tHead.rows[0].cells].forEach((heading, column) => {
  const inner = document.createElement("span");
  inner.append(...heading.childNodes);
  heading.append(inner);
  asButton(inner).addEventListener("click", () => {
    // Figures start with the highest; a second click turns the order round.
    const first = column === 0 ? "ascending" : "descending";
    const second = column === 0 ? "descending" : "ascending";
    const order = heading.getAttribute("aria-sort") === first ? second : first;
    for (const other of board.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const value = (method) => method.rows[0].cells[column].dataset.value;
    const sign = order === "ascending" ? 1 : -1;
    board.append(...[...methods].sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "" || b === "") return (a === "") - (b === "");  // those without a figure last
      return sign * (column === 0 ? a.localeCompare(b, "en") : a - b);
    }));
  });
});

for (const method of methods) {
  const [row, cells] = method.rows;
  const title = asButton(row.querySelector(".title"));
  const show = (open) => {
    cells.hidden = !open;
    title.setAttribute("aria-expanded", open);
  };
  cells.querySelector("details").open = true;
  show(false);
  row.addEventListener("click", () => {
    if (getSelection().isCollapsed) show(cells.hidden);
  });
}

const tools = document.querySelector(".tools");
const filter = document.getElementById("filter");
const found = tools.querySelector("output");
const apply = () => {
  const words = filter.value.toLowerCase().split(/\s+/);
  for (const method of methods) {
    const text = method.rows[0].cells[0].textContent.toLowerCase();
    method.hidden = !words.every((word) => text.includes(word));
  }
  found.value = `${methods.filter((method) => !method.hidden).length} of ${methods.length} methods`;
};
filter.addEventListener("input", apply);
tools.hidden = false;
apply();
