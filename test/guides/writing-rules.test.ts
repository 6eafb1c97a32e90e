import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const main = join(root, 'src/cli/main.ts')
const page = readFileSync(join(root, 'docs/guides/writing-rules.md'), 'utf8')

/** Blocks of the page in their order: files as they are to be written, and commands with what they print. */
const blocks = [...page.matchAll(/(?:`(schemas\/\S+)`:\n\n)?^```(yaml|json|console)\n([\s\S]*?)^```/gm)]

/** A command line of the page, as a shell runs it; its time is no part of what is told. */
async function said(command: string, folder: string): Promise<string> {
  const trestle = [process.execPath, '--conditions=trestle-source', main].map((word) => `'${word}'`).join(' ')
  const script = `trestle() { ${trestle} "$@"; }\n${command} 2>&1\ntrue`
  const { stdout } = await run('/bin/sh', ['-c', script], { cwd: folder })
  return timeless(stdout)
}

const timeless = (text: string): string => text.replaceAll(/\(\d+ ms\)/g, '(x ms)')

it('B1: the guide leads from an empty folder to a tested rule, and every answer is as it is printed there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'writing-rules-'))
  let commands = 0
  try {
    for (const [, named, language, text = ''] of blocks) {
      if (language === 'console') {
        const [, command = '', expected = ''] = /^\$ (.*)\n([\s\S]*)$/.exec(text) ?? []
        assert.equal(await said(command, folder), timeless(expected), command)
        commands++
        continue
      }
      const [, more, file = named] = /^# (at the end of )?(\S+\.yaml)\n/.exec(text) ?? []
      if (file === undefined) continue
      const path = join(folder, file)
      mkdirSync(dirname(path), { recursive: true })
      const content = language === 'yaml' ? text.slice(text.indexOf('\n') + 1) : text
      if (more === undefined) writeFileSync(path, content)
      else appendFileSync(path, content)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  assert.ok(commands >= 5, `${commands} commands`)
})

it('the guide names every rule that comes with the hub', () => {
  const named = [...page.matchAll(/\.\.\/\.\.\/(rules\/[\w-]+\.yaml)/g)].map(([, file]) => file!)
  for (const file of named) assert.ok(existsSync(join(root, file)), file)
  assert.ok(named.length >= 8)
})
