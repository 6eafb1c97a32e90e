import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Screen } from '../../src/cli/screen.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

function shown(columns: number, lines: readonly string[]): string {
  let out = ''
  const terminal = { isTty: true, columns, out: (text: string) => (out += text) } as unknown as Terminal
  new Screen(terminal).show(lines)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what steers the terminal is not what is looked at
  return out.replace(/\x1b\[[\dA-Z]*[A-Za-z]/g, '')
}

test('a line that is too long for the terminal is cut with its colours counted as nothing', () => {
  assert.equal(shown(10, ['\x1b[1mtrestle\x1b[22m is running']), 'trestle i…\n')
  assert.equal(shown(80, ['\x1b[1mtrestle\x1b[22m is running']), 'trestle is running\n')
})

test('a terminal that does not know its width is shown whole lines', () => {
  assert.equal(shown(0, ['\x1b[1mtrestle\x1b[22m is running']), 'trestle is running\n')
})
