import { TrestleError } from '../contract/error.ts'

export const writeFailed = (cause: Error): TrestleError =>
  new TrestleError('E504', `the journal cannot be written: ${cause.message}`, {
    detail: { advice: 'make room on the disk or mend it; the hub goes on by itself' },
    cause,
  })

export const sizeLimit = (maxBytes: number): TrestleError =>
  new TrestleError('E505', `the journal has reached its limit of ${maxBytes} bytes`, {
    detail: { advice: 'see why its sinks do not take their messages (trestle status), or raise the limit' },
  })

export const overloaded = (): TrestleError =>
  new TrestleError('E406', 'the disk does not keep up with the messages', {
    detail: { advice: 'slow the publishers down or use a faster disk' },
  })

export const closing = (): TrestleError => new TrestleError('E902', 'the journal is being closed')

export const folderUnusable = (folder: string, cause: unknown): TrestleError =>
  new TrestleError('E501', `the data folder cannot be used: ${(cause as Error).message}`, {
    detail: { place: folder, advice: 'give the hub a folder it may write to, on a disk with room' },
    cause,
  })
