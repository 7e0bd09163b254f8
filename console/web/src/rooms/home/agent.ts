/** What a browser calls itself, in two names that people know. */
const BROWSERS: [RegExp, string][] = [
  [/MicroMessenger\//, 'WeChat'], [/QQBrowser\//, 'QQ Browser'], [/Edg(?:A|iOS)?\/(\d+)/, 'Edge'], [/OPR\/(\d+)/, 'Opera'], [/Firefox\/(\d+)/, 'Firefox'],
  [/(?:Chrome|CriOS)\/(\d+)/, 'Chrome'], [/Version\/(\d+).* Safari\//, 'Safari'],
]
const SYSTEMS: [RegExp, string][] = [
  [/HarmonyOS|OpenHarmony/, 'HarmonyOS'], [/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/Linux|X11/, 'Linux'],
]

/** `Chrome 130 · Windows`; what is not known is left out, and nothing known is the text's beginning. */
export function nameOf(agent: string): string {
  const browser = BROWSERS.map(([how, name]) => [how.exec(agent), name] as const).find(([found]) => found !== null)
  const system = SYSTEMS.find(([how]) => how.test(agent))?.[1]
  const named = browser === undefined ? undefined : [browser[1], browser[0]?.[1]].filter((part) => part !== undefined).join(' ')
  return [named, system].filter((part) => part !== undefined).join(' · ') || agent.slice(0, 40)
}

/** A secret in groups of four, as it is typed. */
export const grouped4 = (secret: string): string => secret.replace(/(.{4})(?=.)/g, '$1 ')
