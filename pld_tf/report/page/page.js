// Shows the clips of one cell at a time. Without it the page is a list of all cells.
"use strict";
document.documentElement.classList.add("js");

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function neighbour(link, rowStep, columnStep) {
  const cell = link.closest("td");
  const rows = Array.from(cell.closest("tbody").rows);
  let row = rows.indexOf(cell.parentNode);
  let column = cell.cellIndex;
  for (;;) {
    row += rowStep;
    column += columnStep;
    const next = rows[row] && rows[row].cells[column];
    if (!next) return null;
    const found = next.querySelector("a");
    if (found) return found;
  }
}

document.querySelectorAll(".confusion").forEach((part) => {
  const links = Array.from(part.querySelectorAll(".matrix a"));
  const panels = Array.from(part.querySelectorAll(".heard"));

  function show(id) {
    links.forEach((link) => link.setAttribute("aria-expanded", String(link.hash === "#" + id)));
    panels.forEach((panel) => { panel.hidden = panel.id !== id; });
  }

  links.forEach((link) => {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const id = link.hash.slice(1);
      show(id);
      const panel = panels.find((each) => each.id === id);
      if (event.detail === 0) panel.querySelector("[tabindex]").focus(); // by keyboard: go to the clips
      else panel.scrollIntoView({ block: "nearest" });
    });
    link.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      const next = step && neighbour(link, step[0], step[1]);
      if (step) event.preventDefault();
      if (next) next.focus();
    });
  });
  if (panels.length) show((panels.find((each) => each.dataset.first) || panels[0]).id);
});

// One clip at a time.
document.addEventListener("play", (event) => {
  document.querySelectorAll("audio").forEach((each) => { if (each !== event.target) each.pause(); });
}, true);
