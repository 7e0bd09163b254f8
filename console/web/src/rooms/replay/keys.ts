/** What the keyboard does in the replay; shown by «?». */

export type Act =
  | 'toggle' | 'back' | 'forward' | 'slower' | 'faster' | 'frameBack' | 'frameOn' | 'secondBack' | 'secondOn'
  | 'start' | 'end' | 'mark' | 'in' | 'out' | 'help' | 'zoomIn' | 'zoomOut' | 'whole' | 'nextEvent' | 'previousEvent' | 'full'

export const KEYS: readonly { keys: readonly string[]; act: Act }[] = [
  { keys: [' ', 'k'], act: 'toggle' },
  { keys: ['j'], act: 'back' },
  { keys: ['l'], act: 'forward' },
  { keys: ['ArrowLeft'], act: 'secondBack' },
  { keys: ['ArrowRight'], act: 'secondOn' },
  { keys: [','], act: 'frameBack' },
  { keys: ['.'], act: 'frameOn' },
  { keys: ['<', '['], act: 'slower' },
  { keys: ['>', ']'], act: 'faster' },
  { keys: ['Home'], act: 'start' },
  { keys: ['End'], act: 'end' },
  { keys: ['n'], act: 'nextEvent' },
  { keys: ['p'], act: 'previousEvent' },
  { keys: ['m'], act: 'mark' },
  { keys: ['i'], act: 'in' },
  { keys: ['o'], act: 'out' },
  { keys: ['+', '='], act: 'zoomIn' },
  { keys: ['-'], act: 'zoomOut' },
  { keys: ['0'], act: 'whole' },
  { keys: ['f'], act: 'full' },
  { keys: ['?'], act: 'help' },
]

interface Pressed {
  key: string
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
}

/** What this key asks for; null for keys of fields, buttons and the browser. */
export function actOf(pressed: Pressed, inField: boolean, onButton: boolean): Act | null {
  if (inField || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return null
  if (onButton && (pressed.key === ' ' || pressed.key === 'Enter')) return null
  const key = pressed.key.length === 1 ? pressed.key.toLowerCase() : pressed.key
  return KEYS.find((one) => one.keys.includes(key))?.act ?? null
}
