// A name under the pointer, or one that is tapped, lights up in all columns.
let lit = null;
function light(name) {
  if (name === lit) return;
  for (const place of document.querySelectorAll(".lit")) place.classList.remove("lit");
  for (const place of document.querySelectorAll("[data-n]"))
    if (place.dataset.n === name) place.classList.add("lit");
  lit = name;
}
const nameOf = (event) => event.target.closest("[data-n]")?.dataset.n ?? null;
document.addEventListener("pointerover", (event) => light(nameOf(event)));
document.addEventListener("click", (event) => light(nameOf(event)));
