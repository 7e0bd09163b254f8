// @vitest-environment happy-dom
import { expect, test } from 'vitest'

import { currentBox, zoomed } from './flow'

test('the size of a drawing and where the case stands on it', () => {
  const text = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="1200"><rect x="1" y="2" width="3" height="4"/><rect data-current="true" x="40" y="510.5" width="260" height="90"/></svg>'
  expect(currentBox(text)).toEqual({ width: 900, height: 1200, current: { x: 40, y: 510.5, width: 260, height: 90 } })
  expect(currentBox('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="12"/>').current).toBeNull()
})

test('steps go up and down and end', () => {
  expect(zoomed(0.61, 1)).toBe(0.7)
  expect(zoomed(0.61, -1)).toBe(0.5)
  expect(zoomed(1, 1)).toBe(1.25)
  expect(zoomed(2.5, 1)).toBe(2.5)
  expect(zoomed(0.25, -1)).toBe(0.25)
})
