import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { TrestleError } from '../contract/error.ts'

/**
 * The hub's identity from `hub.json` beside the journal's folder; made, and safe on disk, when there is none.
 * `journalHub` is what the newest segment says, null without segments: a lost file is written again from it. A journal
 * that begins anew at position 1 begins as another hub: under the old identity its deliveries would bear ids that far
 * sides have seen before, and drop. *Errors*: E503 when the two contradict each other.
 */
export function hubIdentity(journalFolder: string, journalHub: string | null, beginsAnew: boolean): string {
  const folder = path.dirname(journalFolder)
  const file = path.join(folder, 'hub.json')
  const known = readIdentity(file)
  if (known !== null && journalHub !== null && known !== journalHub) {
    throw new TrestleError('E503', `the journal belongs to hub ${journalHub}, this data folder to hub ${known}`, {
      detail: {
        place: file,
        advice: `put back the journal of this hub, or write {"hub":"${journalHub}"} into hub.json`,
      },
    })
  }
  if (known !== null && !beginsAnew) return known
  const hub = journalHub ?? randomBytes(8).toString('hex')
  const draft = `${file}.new`
  const fd = fs.openSync(draft, 'w', 0o640)
  try {
    fs.writeSync(fd, `${JSON.stringify({ hub })}\n`)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
  fs.renameSync(draft, file)
  return hub
}

function readIdentity(file: string): string | null {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    const { hub } = JSON.parse(text) as { hub?: unknown }
    if (typeof hub === 'string' && /^[a-z0-9]{1,32}$/.test(hub)) return hub
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new TrestleError('E503', 'hub.json is not what a hub wrote', {
    detail: { place: file, advice: 'remove it: the journal holds the same identity' },
  })
}
