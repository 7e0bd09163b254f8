/**
 * Two languages, zh-CN first.  Catalogues are flat: `room.word` -> sentence; those of a room are
 * fetched with it.  A key that is missing is shown as itself and reported to the console, which
 * fails the tests.
 */
import { createI18n } from 'vue-i18n'

export const LANGUAGES = ['zh-CN', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

type Catalogue = Record<string, string>
const ROOMS = import.meta.glob<Catalogue>('../rooms/*/locale/*.json', { import: 'default' })
const COMMON = import.meta.glob<Catalogue>('./locale/*.json', { import: 'default' })
const loaded = new Set<string>()

/** The language that the server chose for this page (cookie, then the browser's wishes). */
export function chosen(said: string): Language {
  return said === 'en' ? 'en' : 'zh-CN'
}

/**
 * Which form of `one | many` a count takes.  The count is the number `n` or `count` of the sentence,
 * or the third argument of `t` where the place holds a grouped number, which is text.
 */
function form(count: number): number {
  if (count < 0) console.error('a sentence with forms was given no number to choose by')
  return count === 1 ? 0 : 1
}

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN',
  fallbackLocale: false as const,
  messages: {} as Record<string, Catalogue>,
  messageResolver: (catalogue, key) => (catalogue as Catalogue)[key] ?? null,
  pluralRules: { 'zh-CN': form, en: form },
  missing: (locale, key) => {
    console.error(`no sentence for ${key} in ${locale}`)
    return key
  },
})

export const language = (): Language => i18n.global.locale.value as Language

/** Whether there is such a sentence: for words that the server adds before we know them. */
export const known = (key: string): boolean =>
  key in (i18n.global.getLocaleMessage(language()) as Catalogue)

/** `prefix.value` where there is such a word, else the value itself. */
export const word = (prefix: string, value: string): string =>
  known(`${prefix}.${value}`) ? i18n.global.t(`${prefix}.${value}`) : value

async function fetchInto(tag: Language, name: string, load: () => Promise<Catalogue>): Promise<void> {
  const id = `${tag} ${name}`
  if (loaded.has(id)) return
  i18n.global.mergeLocaleMessage(tag, await load())
  loaded.add(id)
}

/** Speak `tag` from here on; what was not fetched yet is. */
export async function speak(tag: Language, rooms: Iterable<string> = []): Promise<void> {
  const common = COMMON[`./locale/${tag}.json`]
  if (common === undefined) throw new Error(`language: expected ${LANGUAGES.join(' or ')}, got ${tag}`)
  await fetchInto(tag, 'common', common)
  await wordsOf(rooms, tag)
  i18n.global.locale.value = tag as never
  document.documentElement.lang = tag
}

/** The words of these rooms, before they are entered. */
export async function wordsOf(rooms: Iterable<string>, tag: Language = language()): Promise<void> {
  for (const room of rooms) {
    const load = ROOMS[`../rooms/${room}/locale/${tag}.json`]
    if (load !== undefined) await fetchInto(tag, room, load)
  }
}
