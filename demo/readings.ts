/** The shipped readings as the messages that the stations' sensors would publish, in the order they were measured. */
import { readFileSync } from 'node:fs'

export interface Reading {
  /** `weather/<station>/<quantity>` */
  topic: string
  payload: { time: string; value: number; unit: string; sky?: string }
}

const folder = new URL('./readings/', import.meta.url)

export function* readings(): Generator<Reading> {
  yield* hourly()
  yield* daily()
}

function* hourly(): Generator<Reading> {
  for (const [date, pressure, temperature, wind] of rows('hourly.csv')) {
    const time = `${date}Z`
    yield reading('seattle', 'pressure', time, pressure, 'hectopascal')
    yield reading('seattle', 'temperature', time, temperature, 'celsius')
    yield reading('seattle', 'wind', time, wind, 'metre_per_second')
  }
}

function* daily(): Generator<Reading> {
  for (const [location, date, precipitation, highest, lowest, wind, sky] of rows('daily.csv')) {
    const station = `${location!.toLowerCase().replace(' ', '-')}-daily`
    const time = `${date}T00:00:00Z`
    yield reading(station, 'precipitation', time, precipitation, 'millimetre', sky)
    yield reading(station, 'temperature', time, lowest, 'celsius', sky)
    yield reading(station, 'temperature-highest', time, highest, 'celsius', sky)
    yield reading(station, 'wind', time, wind, 'metre_per_second', sky)
  }
}

function reading(
  station: string,
  quantity: string,
  time: string,
  value: string | undefined,
  unit: string,
  sky?: string,
): Reading {
  const payload = { time, value: Number(value), unit }
  return { topic: `weather/${station}/${quantity}`, payload: sky === undefined ? payload : { ...payload, sky } }
}

/** The lines of a shipped CSV file without its head; none of the files quotes a field. */
const rows = (file: string): string[][] =>
  readFileSync(new URL(file, folder), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
