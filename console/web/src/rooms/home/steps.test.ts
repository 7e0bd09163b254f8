import { expect, test } from 'vitest'

import { beginning, NO_FACTS, some, waiting } from './steps'

test('what waits is told by its count, the pressing first, and leads to where it is', () => {
  const steps = waiting({ ...NO_FACTS, confirm: some(12), late: some(50, 'next'), explain: { count: some(2), case: 'c1' }, approvals: some(0), jobs: some(1), attention: some(3) })
  expect(steps).toEqual([
    { code: 'late', n: '50+', to: '/inbox?overdue=true' }, { code: 'explain', n: '2', to: '/cases/c1#coverage' },
    { code: 'confirm', n: '12', to: '/inbox' }, { code: 'jobs', n: '1', to: '/admin/jobs' },
    { code: 'attention', n: '3', to: '/admin/health' },
  ])
})

test('where nothing waits and nothing is known, nothing is claimed', () => {
  expect(waiting(NO_FACTS)).toEqual([])
  expect(waiting({ ...NO_FACTS, late: some(0), denied: some(0) })).toEqual([])
})

test('a newcomer begins with what his role begins with', () => {
  const codes = (facts: object, ...permissions: string[]): string[] => beginning({ ...NO_FACTS, ...facts }, (one) => permissions.includes(one)).map(({ code }) => code)
  expect(codes({ organs: 0, people: 1 }, 'organ.manage', 'person.manage')).toEqual(['organs', 'people'])
  expect(codes({ organs: 3, people: 1 }, 'organ.manage', 'person.manage')).toEqual(['people'])
  expect(codes({ devices: 0, rules: 0 }, 'device.manage', 'policy.propose')).toEqual(['devices', 'rules'])
  expect(codes({ organs: 3, people: 12, devices: 2, rules: 1 }, 'organ.manage', 'person.manage', 'device.manage', 'policy.propose')).toEqual([])
  expect(codes({}, 'upload.send', 'case.open')).toEqual(['upload', 'case'])
  expect(codes({ newest: { id: 'c', number: 'n' } }, 'upload.send', 'case.open')).toEqual(['upload'])
  expect(codes({}, 'audit.read')).toEqual(['audit'])
})
