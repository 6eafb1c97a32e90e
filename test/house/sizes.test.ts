import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { filesBelow, listed, textOf } from './source-files.ts'

const maxFileLines = 300
const maxFunctionLines = 70
/** Tables and printed files, which may be longer. */
const tables = new Set<string>(['src/api/schemas.ts'])

const sources = filesBelow('src', 'connectors', 'docs', 'bench', 'demo').filter((file) => file.endsWith('.ts'))

describe('sizes', () => {
  it('are measured for every form of a function', () => {
    const body = ['  go()', '  go()']
    const text = [
      'export function plain(): void {',
      ...body,
      '}',
      'export const arrow = async (',
      '  a: string,',
      '): Promise<void> => {',
      ...body,
      '}',
      'class Room {',
      '  constructor(',
      '    a: string,',
      '  ) {',
      ...body,
      '  }',
      '  async #step(a: string): Promise<void> {',
      '    if (',
      '      a',
      '    ) {',
      ...body,
      '    }',
      '  }',
      '}',
    ].join('\n')
    const found = functionsIn('room.ts', text).map(({ name, lines }) => `${name} ${lines}`)
    assert.deepEqual(found, [
      'room.ts:1 plain 4',
      'room.ts:5 arrow 6',
      'room.ts:12 constructor 6',
      'room.ts:18 #step 8',
    ])
  })

  it(`keep a file to ${maxFileLines} lines`, () => {
    const long = sources
      .filter((file) => !tables.has(file))
      .map((file) => ({ file, lines: textOf(file).split('\n').length - 1 }))
      .filter(({ lines }) => lines > maxFileLines)
      .map(({ file, lines }) => `${file} has ${lines} lines`)
    assert.equal(long.length, 0, listed('These files hold more than one thought:', long))
  })

  it(`keep a function to ${maxFunctionLines} lines`, () => {
    const long = sources
      .filter((file) => !tables.has(file))
      .flatMap((file) => functionsIn(file, textOf(file)))
      .filter(({ lines }) => lines > maxFunctionLines)
      .map(({ name, lines }) => `${name} has ${lines} lines`)
    assert.equal(long.length, 0, listed('These functions do more than one thing:', long))
  })

  it('list no table that is gone or short enough', () => {
    const idle = [...tables].filter(
      (file) => !sources.includes(file) || textOf(file).split('\n').length <= maxFileLines,
    )
    assert.deepEqual(idle, [])
  })
})

/** What a function or method begins with in formatted sources; `if (…) {` and its like do not count. */
const opening =
  /^( *)(?:export )?(?:default )?(?:async )?(?:function\*? ?([\w$]+)|(?:public |static |async |get |set |override |\*)*(#?[\w$]+)(?:<[^>]*>)?\(.*\)?(?:: [^=]+)? \{$|(?:const|let) ([\w$]+) = (?:async )?(?:\([^)]*\)|[\w$]+)(?:: [^=]+)? => \{$)/
const keywords = new Set(['if', 'for', 'while', 'switch', 'catch', 'return', 'function', 'describe', 'it', 'test'])

/** Functions and methods with a body over lines: from their first line to the closing brace of the same indentation. */
function functionsIn(file: string, text: string): { name: string; lines: number }[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    const match = opening.exec(line) ?? openingOfMany(lines, index)
    const name = match?.[2] ?? match?.[3] ?? match?.[4]
    if (match === null || name === undefined || keywords.has(name)) return []
    const end = lines.findIndex((later, at) => at > index && later.startsWith(`${match[1]}}`))
    return end === -1 ? [] : [{ name: `${file}:${index + 1} ${name}`, lines: end - index + 1 }]
  })
}

/** The opening of a function whose parameters stand on lines of their own, joined to one line. */
function openingOfMany(lines: readonly string[], index: number): RegExpExecArray | null {
  const indent = /^( *)\S.*\($/.exec(lines[index]!)?.[1]
  if (indent === undefined) return null
  const close = lines.findIndex((later, at) => at > index && later.startsWith(`${indent})`))
  return close === -1 ? null : opening.exec(`${lines[index]}${lines[close]!.trim()}`)
}
