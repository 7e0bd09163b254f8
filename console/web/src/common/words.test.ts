import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { i18n } from './i18n'

const SOURCE = join(import.meta.dirname, '..')
type Catalogue = Record<string, string>

function walk(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? walk(path) : [path]
  })
}

const files = walk(SOURCE)
const catalogue = (tag: string): Map<string, Catalogue> =>
  new Map(
    files
      .filter((path) => path.endsWith(`locale/${tag}.json`))
      .map((path) => [path.slice(0, -`${tag}.json`.length), JSON.parse(readFileSync(path, 'utf-8')) as Catalogue]),
  )
const [zh, en] = [catalogue('zh-CN'), catalogue('en')]
const all: Catalogue = Object.assign({}, ...zh.values())
const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '').sort()

/** The catalogue of the pages without script: it has no forms for counts, so none may need one. */
const server = (tag: string): Catalogue => JSON.parse(readFileSync(join(SOURCE, '../../locale', `${tag}.json`), 'utf-8')) as Catalogue
/** The word of the glossary, and the others that stood for the same thing once. */
const INSTEAD: Record<string, RegExp> = {
  查看: /查阅/, 记录: /[这份段]录像|录像(编号|页面|归属)/, 密码: /(?<!动态)口令/, 账号: /账户/, 动态口令: /二次验证/, 值班表: /排班/, 策略: /规定数值|规则参数/,
  设备用户编号: /使用人编号/, 全程覆盖: /记录完整性/, 波形: /声波图/, 归还: /交还|交回/, 核验: /验证(?!器|码)/, 立卷: /(?<!不予)立案/,
  原始文件: /原件/, 节选: /摘录/, 标注: /永久标记/, 操作记录: /轨迹/, 批准: /不?同意(?!书)/,
}
const SAME = /^(?:this|its|is|was|has|as|ms|s|begins|holds|less|serious|plus)$/
/** Whether a number stands before a word that is right for many only: `{n} files`, `{n} are late`, `row(s)`. */
const counted = (text: string): boolean =>
  /\w\(s\)/.test(text) ||
  [...text.matchAll(/\{(?:n|count|lines|files|failed|tokens|checked|left|found|tree|covers|newest|receipt|before)\} ((?:[a-z]+ ?){1,3})/g)].some(([, after]) =>
    (after ?? '').trim().split(' ').some((one) => (/[a-z]s$/.test(one) && !SAME.test(one)) || /^(?:are|were|have|need|stay|go|wait)$/.test(one)),
  )

describe('catalogues', () => {
  test.each([...zh.keys()])('%s has the same keys and places in both languages', (folder) => {
    const [first, second] = [zh.get(folder) ?? {}, en.get(folder) ?? {}]
    expect(Object.keys(second).sort()).toEqual(Object.keys(first).sort())
    for (const [key, text] of Object.entries(first)) expect([key, new Set(holes(second[key] ?? ''))]).toEqual([key, new Set(holes(text))])
  })

  test('English sentences hold no Chinese, and Chinese ones say it in Chinese', () => {
    const han = /\p{Script=Han}/u
    for (const [folder, words] of en) {
      for (const [key, text] of Object.entries(words)) {
        if (key !== 'language.zh-CN') expect([folder, key, han.test(text)]).toEqual([folder, key, false])
        expect([folder, key, /[‘’“”]/.test(text)]).toEqual([folder, key, false]) // a Chinese font draws them as wide as a character
      }
    }
    for (const [folder, words] of zh) {
      for (const [key, text] of Object.entries(words)) {
        const said = text.replace(/\{\w+\}|Ctrl|Shift/g, '')
        const latin = /[A-Za-z]{4,}/.test(said) && !han.test(said) && !/^[A-Z0-9 .+/-]+$/.test(said)
        if (key !== 'language.en') expect([folder, key, latin]).toEqual([folder, key, false])
      }
    }
  })

  test('an English count before a noun has a form for one and a form for many', () => {
    const wrong: string[] = []
    for (const words of en.values()) {
      for (const [key, text] of Object.entries(words)) {
        const forms = text.trim().split(' | ').length
        if (forms > 2 || (forms === 1 && counted(text))) wrong.push(`${key}: ${text}`)
      }
    }
    for (const [key, text] of Object.entries(server('en'))) if (counted(text)) wrong.push(`${key}: ${text}`)
    expect(wrong).toEqual([])
    expect(['{n} files', '{n} working days left', 'all {n} are late', 'row(s)'].map(counted)).toEqual([true, true, true, true])
    expect(['{n} s', '{name} begins', '{n} file', '{lines} of {n}'].map(counted)).toEqual([false, false, false, false])
  })

  test('the count chooses the form', () => {
    i18n.global.setLocaleMessage('en', { few: '{n} file | {n} files', named: '{count} day | {count} days' })
    i18n.global.locale.value = 'en' as never
    const { t } = i18n.global
    expect([t('few', { n: 0 }), t('few', { n: 1 }), t('few', { n: 2 })]).toEqual(['0 files', '1 file', '2 files'])
    expect([t('few', { n: '1' }, 1), t('few', { n: '1 200' }, 1200), t('named', { count: 1 })]).toEqual(['1 file', '1 200 files', '1 day'])
  })

  test('one word for one thing in Chinese', () => {
    const wrong: string[] = []
    for (const words of [...zh.values(), server('zh-CN')]) {
      for (const [key, text] of Object.entries(words)) for (const [word, other] of Object.entries(INSTEAD)) if (other.test(text)) wrong.push(`${key}: ${text} (${word})`)
    }
    expect(wrong).toEqual([])
  })

  test('no two rooms give one key two meanings', () => {
    const seen = new Map<string, string>()
    for (const [folder, words] of zh) {
      for (const key of Object.keys(words)) {
        expect([key, seen.get(key)]).toEqual([key, undefined])
        seen.set(key, folder)
      }
    }
  })

  test('every key that the source names is a sentence', () => {
    const missing: string[] = []
    for (const path of files.filter((p) => /\.(vue|ts)$/.test(p) && !/\.test\.ts$|schema\.d\.ts$/.test(p))) {
      const text = readFileSync(path, 'utf-8')
      for (const [, key] of text.matchAll(/\bt\(\s*'([a-z][\w-]*(?:\.[\w-]+)+)'/g)) {
        if (key !== undefined && !(key in all)) missing.push(`${path.slice(SOURCE.length)}: ${key}`)
      }
      for (const [, key] of text.matchAll(/\b(?:title|label|group): '([a-z][\w-]*(?:\.[\w-]+)+)'/g)) {
        if (path.endsWith('index.ts') && key !== undefined && !(key in all)) missing.push(`${path.slice(SOURCE.length)}: ${key}`)
      }
    }
    expect(missing).toEqual([])
  })
})
