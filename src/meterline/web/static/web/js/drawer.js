// <a data-drawer href> opens its page at the side; without a script it is an ordinary link.
const drawer = document.getElementById("drawer");

export async function openDrawer(url) {
  const answer = await fetch(url, { headers: { "X-Drawer": "1" } });
  if (answer.redirected || !answer.ok) {
    location.assign(url);
    return;
  }
  const body = drawer.querySelector(".drawer-body");
  body.innerHTML = await answer.text();
  drawer.querySelector("[data-whole]").href = url;
  for (const form of body.querySelectorAll("form:not([action])")) form.action = url;
  window.htmx?.process(body);
  if (!drawer.open) drawer.showModal();
  body.querySelector("h1")?.focus();
}

if (drawer) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-drawer]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    openDrawer(link.href);
  });
}
