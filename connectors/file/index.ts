import type { Connector, ProbeStep } from 'trestle/contract'
import { fromThrown } from './errors.ts'
import { type FileOptions, fileOptions, fileSchema, fileTargetSchema } from './options.ts'
import { FileSink } from './sink.ts'

/**
 * JSON lines, CSV or the payloads' own bytes in files. It promises: nothing twice and none torn, whenever the process ends; `delivered` means that the
 * disk has the line (unless `sync: false`). It deletes files only as `rotate_keep` says, and it does not share its folder with another
 * connector.
 *
 * Files: `options` what the user writes; `sink` writes and rotates; `position-log` says what counts, `repair` cuts back
 * to it; `formats` with `lines` and `csv`; `names` and `aside` the names of files; `disk` the few things done to the file system; `errors` gives each of its faults a class.
 */
const file: Connector = {
  type: 'file',
  summary: 'writes JSON lines, CSV or bytes to files',
  options: fileSchema,
  targetOptions: fileTargetSchema,
  targetField: 'file',
  createSink: (options: FileOptions, context) => new FileSink(fileOptions(options), context),
  async probe(options: FileOptions, context): Promise<readonly ProbeStep[]> {
    const startMs = context.now()
    const { path } = fileOptions(options)
    const [ok, detail] = await tryFolder(path).then(
      (words): [boolean, string] => [true, words],
      (thrown: unknown): [boolean, string] => [false, fromThrown(thrown, path).message],
    )
    return [{ step: 'write', ok, detail, tookMs: context.now() - startMs }]
  },
}

async function tryFolder(path: string): Promise<string> {
  const { mkdir, rm, writeFile } = await import('node:fs/promises')
  const { join } = await import('node:path')
  await mkdir(path, { recursive: true })
  const probe = join(path, 'trestle.probe')
  await writeFile(probe, 'probe\n', { flush: true })
  await rm(probe)
  return `${path} can be written`
}

export default file
