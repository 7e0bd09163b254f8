import { expect, test } from 'vitest'

import { distinct } from './names'

const called = (device: string, name: string, serial: string | null = null): { device: string; name: string; serial: string | null } => ({ device, name, serial })

test('a name that only one device has stays as it is', () => {
  expect([...distinct([called('a', 'Camera 7', 'SN-0001'), called('b', 'Camera 8')])]).toEqual([['a', 'Camera 7'], ['b', 'Camera 8']])
})

test('devices of one name are told apart by the ends of their serial numbers', () => {
  expect([...distinct([called('a', 'Camera', 'DSJ-020417'), called('b', 'Camera', 'DSJ-020418')]).values()]).toEqual(['Camera …0417', 'Camera …0418'])
})

test('where a serial number is not known, or tells nothing, they are numbered', () => {
  expect([...distinct([called('a', 'Camera', 'X-1'), called('b', 'Camera')]).values()]).toEqual(['Camera #1', 'Camera #2'])
  expect([...distinct([called('a', 'Camera', 'A-0001'), called('b', 'Camera', 'B-0001')]).values()]).toEqual(['Camera #1', 'Camera #2'])
})
