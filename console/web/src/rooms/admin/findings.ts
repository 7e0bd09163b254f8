/** What is wrong with the system: how its parts are called, and where each finding is worked on. */
import { visible } from '@/common/format'

/** A part or disk in words; a store under its own name. */
export function named(name: string, t: (key: string, values?: Record<string, unknown>) => string, known: (key: string) => boolean): string {
  if (known(`admin.health.part.${name}`)) return t(`admin.health.part.${name}`)
  const store = /^store (.+)$/.exec(name)
  return store === null ? visible(name) : t('admin.health.part.store_named', { name: visible(store[1] ?? '') })
}

/** The page where something can be done; null: it is done on the server, as the next step says. */
export function whereTo(code: string): string | null {
  if (code === 'job-failed') return '/admin/jobs?state=failed'
  if (code === 'job-late') return '/admin/jobs?state=queued'
  return code === 'job-silent' ? '/admin/jobs?state=running' : null
}
