/** Put the focus on the heading of a step that has just come up, so that a screen reader starts there. */
export function heading(node: HTMLElement): void {
  node.tabIndex = -1;
  node.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}
