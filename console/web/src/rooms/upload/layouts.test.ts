import { expect, test } from 'vitest'

import { understand, wallClock } from './layouts'

test('the names of recorders say device, user and time', () => {
  expect(understand('DCIM/DSJL907_020417_20261127192300_0001.mp4')).toEqual({ device: 'DSJL907', user: '020417', start: '2026-11-27T19:23:00', kind: 'video', layout: 'recorder', ignored: null })
  expect(understand('DSJ123456@012345_20260102030405.wav')).toMatchObject({ device: 'DSJ123456', user: '012345', start: '2026-01-02T03:04:05', kind: 'audio' })
  expect(understand('20261127_192253_0001.WAV')).toMatchObject({ device: null, start: '2026-11-27T19:22:53', kind: 'audio', layout: 'date' })
  expect(understand('IMG_20260102_030405.JPG')).toMatchObject({ start: '2026-01-02T03:04:05', kind: 'photo' })
})

test('a name that is none of these is taken whole', () => {
  for (const path of ['现场 1.mp4', 'a/b/c.bin', 'DSJL907_020417_20261332192300_0001.mp4', '.gps', 'x']) {
    expect(understand(path)).toMatchObject({ start: null, device: null, layout: null, ignored: null })
  }
})

test('what computers leave on cards is ignored by name, in any folder', () => {
  for (const path of ['.DS_Store', 'a/Thumbs.db', 'System Volume Information/x.dat', '$RECYCLE.BIN/a.mp4']) expect(understand(path).ignored).toBe('system')
  expect(understand('DCIM/._DSJL907_020417_20261127192300_0001.mp4').ignored).toBe('hidden')
})

test('days and times that never were are none', () => {
  expect(wallClock('20260230', '000000')).toBe(null)
  expect(wallClock('20260228', '246000')).toBe(null)
  expect(wallClock('19700101', '000000')).toBe(null)
  expect(wallClock('20240229', '235959')).toBe('2024-02-29T23:59:59')
})
