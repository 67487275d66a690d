"""What is wrong with a page that a browser shows."""

from __future__ import annotations

from typing import Any

HEIGHT = 900
WIDER = "document.documentElement.scrollWidth - innerWidth"
CUT_OFF = """() => [...document.querySelectorAll('main *, .topbar *, .rail *, .portal-top *')]
  .filter((one) => {
    const style = getComputedStyle(one);
    if (style.visibility === 'hidden' || !one.checkVisibility()) return false;
    if (!/hidden|clip/.test(style.overflowX)) return false;
    if (one.closest('.sr, svg, input, select')) return false;
    return one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 1 && !one.title
      && [...one.childNodes].some((inner) => inner.nodeType === 3 && inner.data.trim());
  })
  .map((one) => `cut off: ${one.textContent.trim().replace(/\\s+/g, ' ').slice(0, 80)}`)"""
OUT_OF_SIGHT = """async () => {
  const found = [];
  const later = () => new Promise((done) => setTimeout(done, 50));
  const seen = (one) => {
    const box = one.getBoundingClientRect();
    const x = box.x + Math.min(box.width, 40) / 2, y = box.y + Math.min(box.height, 20) / 2;
    const top = document.elementFromPoint(x, y);
    const labelled = [...(one.labels ?? [])].some((label) => label.contains(top));
    return top && (one.contains(top) || top.contains(one) || labelled);
  };
  const can = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  for (const one of document.querySelectorAll(can)) {
    if (one.disabled || one.tabIndex < 0) continue;
    if (!one.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    if (one.closest('dialog:not([open]), [inert]') || one.type === 'hidden') continue;
    one.focus({focusVisible: true});
    if (document.activeElement !== one) continue;
    const box = one.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const name = (one.getAttribute('aria-label') || one.textContent || one.name || '')
      .trim().replace(/\\s+/g, ' ').slice(0, 60);
    for (let i = 0; i < 20 && !seen(one); i++) await later();
    if (!seen(one)) found.push(`focus out of sight: ${name}`);
    const style = getComputedStyle(one), around = one.parentElement;
    const ring = (of) => of.outlineStyle !== 'none' && of.outlineWidth !== '0px'
      || of.boxShadow !== 'none';
    if (!ring(style) && !ring(getComputedStyle(around))) found.push(`no focus ring: ${name}`);
  }
  document.activeElement?.blur();
  scrollTo(0, 0);
  return [...new Set(found)];
}"""


def faults(page: Any, *, helps: bool = True, seen: bool = False) -> list[str]:
    """What axe finds; scrolling sideways, text cut off, focus that one cannot see; no help where
    the page `helps`.

    `seen`: somebody of another role saw it narrow and wide, light and dark, so that colours, sizes
    and the focus are not looked at again.
    """
    from browsing import axe

    found = axe(page, drawn=not seen)
    if page.evaluate(WIDER) > 0:
        found.append(f"wider than the screen by {page.evaluate(WIDER)} px")
    found += page.evaluate(CUT_OFF)
    if not seen:
        found += page.evaluate(OUT_OF_SIGHT)
    if helps and page.locator("[data-help]").count() != 1:
        found.append("no help")
    return found
