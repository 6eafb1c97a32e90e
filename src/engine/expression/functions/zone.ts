import { brief } from './row.ts'

/** How far a time zone is ahead of UTC at a moment. *Unit*: ms. */
export type OffsetAt = (epochMs: number) => number

/** Kept, since the engine's formatters are large; messages may name zones, too. */
const maxZones = 64
const zones = new Map<string, OffsetAt | null>()

/** A time zone by its name (`Europe/Oslo`) or its offset (`+02:00`); null when there is none such. */
export function zoneOf(name: string): OffsetAt | null {
  const known = zones.get(name)
  if (known !== undefined) return known
  const made = makeZone(name)
  if (zones.size >= maxZones) zones.delete(zones.keys().next().value!)
  zones.set(name, made)
  return made
}

export const isKnownZone = (name: string): boolean => zones.has(name)

export const noZone = (name: string): string => `${brief(name)} is no time zone: write Europe/Oslo, UTC or +02:00`

function makeZone(name: string): OffsetAt | null {
  if (name === 'UTC' || name === '') return () => 0
  const fixed = /^([+-]?)(\d{1,2}):(\d\d)$/.exec(name)
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3])
    const offsetMs = (fixed[1] === '-' ? -1 : 1) * minutes * 60_000
    return Number(fixed[3]) < 60 && minutes <= 14 * 60 ? () => offsetMs : null
  }
  if (name.length > 64 || !/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return null
  try {
    return namedZone(
      new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        calendar: 'gregory',
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      }),
    )
  } catch {
    // The engine's way to say that it knows no such zone.
    return null
  }
}

const quarterMs = 900_000

/** Zones change on whole quarters of an hour, so that one is asked for once. */
function namedZone(format: Intl.DateTimeFormat): OffsetAt {
  let quarter = Number.NaN
  let offsetMs = 0
  return (epochMs) => {
    const asked = Math.floor(epochMs / quarterMs)
    if (asked !== quarter) {
      quarter = asked
      const read: Record<string, number> = {}
      for (const { type, value } of format.formatToParts(asked * quarterMs)) read[type] = Number(value)
      const { year, month, day, hour, minute, second } = read as Record<string, number>
      const local = new Date(0)
      local.setUTCFullYear(year!, month! - 1, day!)
      local.setUTCHours(hour!, minute!, second!)
      offsetMs = local.getTime() - asked * quarterMs
    }
    return offsetMs
  }
}
