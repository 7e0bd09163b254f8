/** What the page must know of a drawn procedure: its size, and where the case stands on it. */

export interface Box {
  x: number
  y: number
  width: number
  height: number
}

export interface Drawn {
  width: number
  height: number
  current: Box | null
}

const numbers = (element: Element, names: readonly string[]): number[] => names.map((name) => Number(element.getAttribute(name) ?? 0))

/** Of the text of `procedure.svg`; a text that is none has no size. */
export function currentBox(svg: string): Drawn {
  const page = new DOMParser().parseFromString(svg, 'image/svg+xml')
  const [width = 0, height = 0] = numbers(page.documentElement, ['width', 'height'])
  const found = page.querySelector('[data-current]')
  if (found === null) return { width, height, current: null }
  const [x = 0, y = 0, w = 0, h = 0] = numbers(found, ['x', 'y', 'width', 'height'])
  return { width, height, current: { x, y, width: w, height: h } }
}

const STEPS = [0.25, 0.35, 0.5, 0.7, 0.85, 1, 1.25, 1.6, 2, 2.5]

/** The next step up (1) or down (-1) from a scale. */
export function zoomed(scale: number, by: 1 | -1): number {
  const steps = by === 1 ? STEPS.filter((one) => one > scale + 0.01) : STEPS.filter((one) => one < scale - 0.01)
  return (by === 1 ? steps[0] : steps.at(-1)) ?? scale
}
