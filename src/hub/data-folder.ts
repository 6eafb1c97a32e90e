import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { TrestleError } from '../contract/error.ts'

/**
 * A data folder whose journal was removed while cursors or dead letters stayed would number anew what these believe to
 * have seen. *Errors*: E503.
 */
export function refuseHalfAFolder(data: string): void {
  const holds = (folder: string, ending: string): boolean =>
    existsSync(join(data, folder)) && readdirSync(join(data, folder)).some((name) => name.endsWith(ending))
  // One that was set aside as damaged is a journal too: positions go on behind it.
  if (holds('journal', '.trestle') || holds('journal', '.trestle.damaged')) return
  const left = holds('cursors', '.cursor') ? 'cursors' : holds('state', '.snapshot') ? 'state' : 'dead-letters.sqlite'
  if (!existsSync(join(data, left))) return
  const advice = `put ${join(data, 'journal')} back, or move all of ${data} away to begin anew`
  throw new TrestleError('E503', `the journal is gone, but ${join(data, left)} belongs to it`, {
    detail: { place: join(data, 'journal'), advice },
  })
}
