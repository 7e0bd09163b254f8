import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

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
