import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, test } from 'node:test'
import { AccessFiles } from '../../src/hub/access-files.ts'
import { editPasswordFile } from '../../src/hub/password-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'trestle-access-'))
after(() => rmSync(folder, { recursive: true }))
const users = join(folder, 'passwd')
const rules = join(folder, 'access.yaml')
const settings = { anonymous: false, anonymousAnywhere: false, users, rules }
const ask = async ({ access }: AccessFiles, username: string, password: string) =>
  'principal' in
  (await access.authenticate({
    clientId: 'c',
    username,
    password: Buffer.from(password),
    remoteAddress: '127.0.0.1',
    listener: 'tcp',
    isCertified: false,
    isNamedByCertificate: false,
  }))

test('a user is added, changed and removed in a file of which nothing else changes', async () => {
  writeFileSync(users, '# ours\n', { mode: 0o640 })
  assert.equal(await editPasswordFile(users, 'desk', 'one'), 'added')
  assert.equal(await editPasswordFile(users, 'press-1', 'two'), 'added')
  assert.equal(await editPasswordFile(users, 'desk', 'three'), 'changed')
  assert.match(readFileSync(users, 'utf8'), /^# ours\ndesk:\$scrypt\$.*\npress-1:\$scrypt\$.*\n$/)
  assert.equal(statSync(users).mode & 0o777, 0o640)
  await assert.rejects(editPasswordFile(users, 'a:b', 'x'), { code: 'E703' })
  await assert.rejects(editPasswordFile(users, 'nobody', null), { code: 'E702' })
})

test('users and rules are read anew, and broken ones change nothing', async () => {
  writeFileSync(rules, '- { allow: all, topics: ["a/%u/#"] }\n')
  const files = await AccessFiles.open(settings)
  assert.deepEqual(files.faults, [])
  assert.equal(await ask(files, 'desk', 'three'), true)
  assert.equal(await editPasswordFile(users, 'desk', null), 'removed')
  writeFileSync(rules, '- { topics: ["a/#/b"] }\n')
  await assert.rejects(files.reload(), { code: 'E109' })
  assert.equal(await ask(files, 'desk', 'three'), true)
  writeFileSync(rules, '[]\n')
  await files.reload()
  assert.equal(await ask(files, 'desk', 'three'), false)
  assert.equal(await ask(files, 'press-1', 'two'), true)
})

test('every fault of both files is told with its line', async () => {
  writeFileSync(users, 'x:plain\n')
  writeFileSync(
    rules,
    '- { allow: all, deny: all, topics: ["#"] }\n- { allow: publish, topics: ["a/#/b"], address: 1.2.3 }\n',
  )
  const { faults } = await AccessFiles.open(settings)
  assert.deepEqual(
    faults.map(({ file, line, column, code }) => `${basename(file)}:${line}:${column} ${code}`),
    ['passwd:1:3 E104', 'access.yaml:1:3 E109', 'access.yaml:2:30 E206', 'access.yaml:2:49 E104'],
  )
  const gone = await AccessFiles.open({ ...settings, users: join(folder, 'gone') })
  assert.equal(gone.faults[0]?.code, 'E101')
})
