// Light or dark, normal or compact, wide or narrow menu, single keys: kept in cookies for a year.
const root = document.documentElement;

function set(name, value) {
  root.dataset[name] = value;
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`;
  tell();
}

function tell() {
  for (const button of document.querySelectorAll("[data-look]")) {
    const [name, value] = button.dataset.look.split(":");
    if (button.hasAttribute("aria-pressed")) button.setAttribute("aria-pressed", root.dataset[name] === value);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-look]");
  if (!button) return;
  const [name, value, other] = button.dataset.look.split(":");
  set(name, other && root.dataset[name] === value ? other : value);
});
tell();
