import fs from 'node:fs'
import path from 'node:path'
import { TrestleError } from '../contract/error.ts'
import { recordHeaderBytes } from './record.ts'
import { RecordView } from './record-view.ts'
import { scanBlocks } from './scan.ts'
import {
  blockHeaderBytes,
  blockMagicBytes,
  damagedSuffix,
  draftSuffix,
  firstOfName,
  type HeaderReading,
  type SegmentHeader,
  segmentName,
  segmentSuffix,
  segmentVersion,
} from './segment.ts'
import { readHeader } from './segment-reader.ts'
import type { Tallies } from './tallies.ts'

/** A segment file as the journal keeps track of it. */
export interface SegmentFile {
  readonly first: number
  readonly path: string
  sizeBytes: number
  /** Arrival of its first record; null when it holds none. *Unit*: ms since the epoch. */
  firstTimeMs: number | null
}

/** What recovery found and did; the hub logs it. */
export interface RecoveryReport {
  readonly segments: number
  /** Last durable position found. */
  readonly durable: number
  /** Bytes of a torn tail that were cut away; 0 after a clean stop. */
  readonly cutBytes: number
  /** File name of the segment that was cut or removed; null when none was. */
  readonly cutSegment: string | null
}

export interface Recovered {
  /** Oldest first. */
  readonly segments: SegmentFile[]
  readonly next: number
  readonly hub: string | null
  readonly report: RecoveryReport
}

interface Opened {
  readonly file: SegmentFile
  readonly header: SegmentHeader
  readonly headerBytes: number
}

/**
 * Brings a journal folder into a state that can be written on, in one pass: names and headers of all segments, every
 * block of the last. A torn tail is cut; nothing else is changed. Fills `tallies`. *Errors*: E502, E503.
 */
export function recoverFolder(folder: string, tallies: Tallies): Recovered {
  const { names, setAside } = listSegments(folder)
  const removed = dropTornHeader(folder, names)
  const opened = names.map((name) => openSegment(folder, name))
  opened.forEach((segment, index) => {
    verifyChain(segment, opened[index - 1] ?? null, setAside)
  })
  const last = opened.at(-1)
  const floor = Math.max(1, ...setAside.values())
  if (last === undefined) {
    const report = { segments: 0, durable: floor - 1, cutBytes: 0, cutSegment: removed }
    return { segments: [], next: floor, hub: null, report }
  }
  tallies.restore(last.header.tallies)
  const { next: found, cutBytes } = recoverLast(last, tallies)
  const next = Math.max(found, floor)
  const cutSegment = cutBytes > 0 ? path.basename(last.file.path) : removed
  return {
    segments: opened.map((segment) => segment.file),
    next,
    hub: last.header.hub,
    report: { segments: opened.length, durable: next - 1, cutBytes, cutSegment },
  }
}

/**
 * Names of the segments in order, and of those an operator set aside as damaged: first position → a position above all
 * they can hold, so that none of theirs is used again. Drafts of segments that never came to be are removed.
 */
function listSegments(folder: string): { names: string[]; setAside: Map<number, number> } {
  const names: string[] = []
  const setAside = new Map<number, number>()
  for (const name of fs.readdirSync(folder)) {
    const file = path.join(folder, name)
    if (name.endsWith(draftSuffix)) fs.rmSync(file, { force: true })
    else if (firstOfName(name) !== null) names.push(name)
    else if (name.endsWith(segmentSuffix)) throw damaged(file, 0, 'is not named as a segment is')
    else if (name.endsWith(damagedSuffix)) {
      const first = firstOfName(name.slice(0, -damagedSuffix.length) + segmentSuffix)
      if (first !== null) setAside.set(first, first + Math.ceil(fs.statSync(file).size / recordHeaderBytes))
    }
  }
  return { names: names.sort(), setAside }
}

/**
 * Removes the last segment when not even its header is whole and no record is in it: the system went down while it was
 * made. Takes its name off the list and answers it.
 */
function dropTornHeader(folder: string, names: string[]): string | null {
  const name = names.at(-1)
  if (name === undefined) return null
  const file = path.join(folder, name)
  const kind = headerOf(file).kind
  if (kind === 'whole' || kind === 'newer') return null
  // Without its header a segment's salt is unknown and no block can be proved: what looks like one is taken for one.
  const bytes = fs.readFileSync(file)
  if (bytes.includes(blockMagicBytes)) throw damaged(file, 0, 'has a damaged header but holds records')
  fs.rmSync(file)
  names.pop()
  return name
}

function headerOf(file: string): HeaderReading {
  const fd = fs.openSync(file, 'r')
  try {
    return readHeader(fd)
  } finally {
    fs.closeSync(fd)
  }
}

function openSegment(folder: string, name: string): Opened {
  const file = path.join(folder, name)
  const reading = headerOf(file)
  if (reading.kind === 'newer') {
    throw new TrestleError(
      'E502',
      `the journal is of version ${reading.version}; this hub knows versions up to ${segmentVersion}`,
      {
        detail: { place: file, advice: 'start the newer version of the hub again, or use another data folder' },
      },
    )
  }
  if (reading.kind !== 'whole') throw damaged(file, 0, 'has a damaged header')
  const first = firstOfName(name)!
  if (reading.header.first !== first)
    throw damaged(file, 0, `says in its header that it is ${segmentName(reading.header.first)}`)
  const headerBytes = reading.sizeBytes
  return {
    file: { first, path: file, sizeBytes: fs.statSync(file).size, firstTimeMs: firstTime(file, headerBytes) },
    header: reading.header,
    headerBytes,
  }
}

/** Arrival of the first record, read without judging it: it is only shown. */
function firstTime(file: string, headerBytes: number): number | null {
  const bytes = Buffer.alloc(16)
  const fd = fs.openSync(file, 'r')
  try {
    const got = fs.readSync(fd, bytes, 0, bytes.length, headerBytes + blockHeaderBytes)
    return got === bytes.length ? new RecordView(bytes).timeAt(0) : null
  } finally {
    fs.closeSync(fd)
  }
}

function verifyChain(segment: Opened, before: Opened | null, setAside: ReadonlyMap<number, number>): void {
  const { header, file } = segment
  if (before === null) return
  const gapIsKnown = header.previous !== null && setAside.has(header.previous)
  if (header.previous !== before.file.first && !gapIsKnown) {
    const missing = header.previous === null ? 'nothing' : segmentName(header.previous)
    throw damaged(file.path, 0, `follows ${missing}, but ${path.basename(before.file.path)} lies before it`)
  }
  if (header.hub !== before.header.hub) throw damaged(file.path, 0, `was written by another hub (${header.hub})`)
}

function recoverLast(last: Opened, tallies: Tallies): { next: number; cutBytes: number } {
  const bytes = fs.readFileSync(last.file.path)
  const { first, salt, names } = last.header
  const scan = scanBlocks(bytes, last.headerBytes, first, salt, names, tallies)
  if (scan.soundBehind !== null) {
    throw damaged(
      last.file.path,
      scan.endBytes,
      `is damaged there, with sound records behind it (at ${scan.soundBehind})`,
    )
  }
  const cutBytes = bytes.length - scan.endBytes
  if (cutBytes > 0) cutFile(last.file.path, scan.endBytes)
  last.file.sizeBytes = scan.endBytes
  last.file.firstTimeMs = scan.firstTimeMs
  return { next: scan.next, cutBytes }
}

function cutFile(file: string, sizeBytes: number): void {
  const fd = fs.openSync(file, 'r+')
  try {
    fs.ftruncateSync(fd, sizeBytes)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

const damaged = (file: string, offset: number, what: string): TrestleError =>
  new TrestleError('E503', `journal segment ${path.basename(file)} at byte ${offset} ${what}`, {
    detail: {
      place: `${file}:${offset}`,
      advice: `restore it from a copy, or rename it to ${path.basename(file, segmentSuffix)}${damagedSuffix}: the hub then goes on without what it holds`,
      offset,
    },
  })
