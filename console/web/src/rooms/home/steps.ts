/** What whoever looks can do next, from what is there: real counts, and where each is worked on. */

/** A number, with more behind it than was counted. */
export interface Count {
  n: number
  more: boolean
}
export const shown = ({ n, more }: Count): string => (more ? `${n}+` : String(n))
export const some = (n: number, more: unknown = false): Count => ({ n, more: more !== null && more !== undefined && more !== false })

/** Null: it is not his business, or not known yet. */
export interface Facts {
  late: Count | null
  confirm: Count | null
  choose: Count | null
  overdue: Count | null
  explain: { count: Count; case: string } | null
  deadlines: { count: Count; case: string } | null
  review: { count: Count; case: string } | null
  filing: { count: Count; case: string } | null
  approvals: Count | null
  serious: Count | null
  attention: Count | null
  jobs: Count | null
  locked: Count | null
  denied: Count | null
  /** The newest open case, for a look around. */
  newest: { id: string; number: string } | null
  devices: number | null
  organs: number | null
  people: number | null
  rules: number | null
}
export const NO_FACTS: Facts = {
  late: null, confirm: null, choose: null, overdue: null, explain: null, deadlines: null, review: null, filing: null, approvals: null,
  serious: null, attention: null, jobs: null, locked: null, denied: null, newest: null, devices: null, organs: null, people: null, rules: null,
}

export interface Step {
  /** `home.step.<code>` says it, with `{n}`; `home.step.<code>.do` is the link. */
  code: string
  n: string
  to: string
}

/** What waits, the most pressing first. */
export function waiting(facts: Facts): Step[] {
  const plain: [string, Count | null, string][] = [
    ['serious', facts.serious, '/admin/health'], ['late', facts.late, '/inbox?overdue=true'], ['overdue', facts.overdue, '/overdue'],
  ]
  const ofCases: [string, { count: Count; case: string } | null, string][] = [
    ['deadlines', facts.deadlines, ''], ['explain', facts.explain, '#coverage'], ['review', facts.review, ''], ['filing', facts.filing, ''],
  ]
  const rest: [string, Count | null, string][] = [
    ['approvals', facts.approvals, '/approvals'], ['confirm', facts.confirm, '/inbox'], ['choose', facts.choose, '/inbox'],
    ['jobs', facts.jobs, '/admin/jobs'], ['attention', facts.attention, '/admin/health'], ['locked', facts.locked, '/admin/people'], ['denied', facts.denied, '/admin/audit?type=access.denied'],
  ]
  return [
    ...plain,
    ...ofCases.map(([code, of, at]): [string, Count | null, string] => [code, of?.count ?? null, `/cases/${of?.case ?? ''}${at}`]),
    ...rest,
  ].flatMap(([code, count, to]) => (count === null || count.n === 0 ? [] : [{ code, n: shown(count), to }]))
}

/** Where somebody begins for whom nothing is there yet; `may` are his permissions. */
export function beginning(facts: Facts, may: (permission: string) => boolean): Step[] {
  const step = (code: string, to: string): Step => ({ code, n: '', to })
  const found: Step[] = []
  if (may('organ.manage') && facts.organs === 0) found.push(step('organs', '/admin/organs'))
  if (may('person.manage') && facts.people === 1) found.push(step('people', '/admin/people'))
  if (may('device.manage') && facts.devices === 0) found.push(step('devices', '/admin/devices'))
  if (may('policy.propose') && facts.rules === 0) found.push(step('rules', '/admin/rules'))
  if (may('audit.read')) found.push(step('audit', '/admin/audit'))
  if (may('upload.send')) found.push(step('upload', '/upload'))
  if (may('case.open') && facts.newest === null) found.push(step('case', '/cases'))
  return found
}
