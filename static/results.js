// The results page: enlarges pictures, counts down to the deletion, asks before deleting.

const find = (id) => document.getElementById(id);

// Pictures: a plain link to the JPEG until this takes over.
const viewer = find("viewer");
const gallery = document.querySelectorAll(".gallery a[data-frame]");
const links = [...(gallery.length ? gallery : document.querySelectorAll(".decisive a[data-frame]"))];
let shown = 0;

function show(number) {
  shown = (number + links.length) % links.length;
  const { href, dataset } = links[shown];
  find("viewer-image").src = href;
  find("viewer-image").alt = dataset.caption;
  find("viewer-heat").hidden = !dataset.heat;
  if (dataset.heat) find("viewer-heat").src = dataset.heat;
  find("viewer-caption").textContent = `${dataset.caption} (${shown + 1} of ${links.length})`;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-frame]");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(links.findIndex((other) => other.dataset.frame === link.dataset.frame));
  find("previous").hidden = find("next").hidden = links.length < 2;
  viewer.showModal();
  find("close").focus();
});
find("previous").addEventListener("click", () => show(shown - 1));
find("next").addEventListener("click", () => show(shown + 1));
find("close").addEventListener("click", () => viewer.close());
viewer.addEventListener("keydown", ({ key }) => {
  if (key === "ArrowLeft") show(shown - 1);
  if (key === "ArrowRight") show(shown + 1);
});

// Deleting: the form works alone; here it asks first.
const sure = find("sure");
find("delete").addEventListener("submit", (event) => {
  if (event.submitter?.value === "sure") return;
  event.preventDefault();
  sure.showModal();
  find("keep").focus();
});
find("keep").addEventListener("click", () => sure.close());
for (const dialog of [viewer, sure]) {
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

// Paper cannot be opened: what is folded away is printed too.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});

// The countdown.
const end = new Date(find("expires").dateTime);
find("expires").textContent = end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function count() {
  const minutes = Math.ceil((end - Date.now()) / 60_000);
  const ahead = minutes === 1 ? "within a minute" : `in ${minutes} minutes`;
  find("left").textContent = minutes > 0 ? `, ${ahead}` : ", which has passed";
}
count();
setInterval(count, 10_000);
