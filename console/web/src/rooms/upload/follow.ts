/**
 * What the server made of what it has: stored so often, sealed, playable.
 *
 * Promised: a word is told only when the server said it; where the person may look no longer, it
 * is not asked again (each refusal is recorded).
 */
import { api, ask, asProblem } from '@/api/client'
import type { Entry, Standing } from './queue'

const SAID: Readonly<Record<string, Standing>> = {
  received: 'received', stored: 'stored', sealed: 'sealed', converting: 'sealed', playable: 'playable', unplayable: 'unplayable',
}

/** What has changed of `entry`. Throws a Problem where it can be asked again. */
export async function look(entry: Entry): Promise<Partial<Entry>> {
  if (entry.upload === null) return {}
  try {
    const { state, item } = await ask(api.GET('/api/uploads/{upload}/state', { params: { path: { upload: entry.upload } } }))
    if (state.name === 'aborted') return { standing: 'failed', text: state.text, next: state.hint ?? '' }
    if (item !== null && entry.sha256 !== null && item.sha256 !== entry.sha256) return { standing: 'mismatch', text: 'upload.mismatch', next: item.sha256 }
    const standing = SAID[state.name] ?? entry.standing
    const waits = state.reason === 'sealing'
    const more = state.name === 'converting' || state.name === 'unplayable'
    return {
      standing, copies: state.copies, settled: !state.moving, text: waits ? 'upload.seal_waits' : more ? state.text : '', next: waits ? '' : (state.hint ?? ''),
      ...(item === null ? {} : { item: item.id, sealed: item.sealed, held: entry.held === null && item.own ? null : item.name }),
    }
  } catch (error) {
    const problem = asProblem(error)
    if (problem.denied || problem.status === 404) return { settled: true, text: 'upload.not_yours', next: '' }
    throw problem
  }
}
