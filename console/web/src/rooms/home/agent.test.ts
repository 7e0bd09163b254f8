import { expect, test } from 'vitest'

import { grouped4, nameOf } from './agent'

test('browsers are told by the names that people know, the imitated one last', () => {
  expect(nameOf('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0')).toBe('Edge 130 · Windows')
  expect(nameOf('Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36')).toBe('Chrome 109 · Windows')
  expect(nameOf('Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0')).toBe('Firefox 128 · Linux')
  expect(nameOf('Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1')).toBe('Safari 17 · iOS')
  expect(nameOf('curl/8.5.0')).toBe('curl/8.5.0')
})

test('a key is typed in fours', () => {
  expect(grouped4('ABCDEFGHIJ')).toBe('ABCD EFGH IJ')
})
