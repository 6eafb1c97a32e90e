/**
 * Units of measurement by quantity. A value in the quantity's first unit is `(value + shift) * times / by`; the ratio
 * is kept as two whole numbers where it is one, so that 1 in is 2.54 cm and not nearly so.
 * *Source*: BIPM, The International System of Units, 9th edition; NIST SP 811 for the others.
 */
export interface Unit {
  readonly quantity: string
  readonly shift: number
  readonly times: number
  readonly by: number
}

type Row = readonly [names: string, times: number, by?: number, shift?: number]

/** Names of one unit are separated by spaces. */
const quantities: Readonly<Record<string, readonly Row[]>> = {
  temperature: [
    ['C °C', 1],
    ['F °F', 5, 9, -32],
    ['K', 1, 1, -273.15],
    ['R °R', 5, 9, -491.67],
  ],
  pressure: [
    ['Pa', 1],
    ['hPa mbar', 100],
    ['kPa', 1_000],
    ['MPa', 1_000_000],
    ['bar', 100_000],
    ['atm', 101_325],
    ['psi', 6_894_757_293_168, 1e9],
    ['mmHg', 133_322_387_415, 1e9],
    ['Torr', 101_325, 760],
    ['inHg', 3_386_389, 1_000],
    ['mmH2O', 980_665, 1e5],
    ['inH2O', 24_908_891, 1e5],
  ],
  length: [
    ['m', 1],
    ['km', 1_000],
    ['dm', 1, 10],
    ['cm', 1, 100],
    ['mm', 1, 1_000],
    ['um µm μm', 1, 1_000_000],
    ['nm', 1, 1e9],
    ['in', 254, 10_000],
    ['ft', 3_048, 10_000],
    ['yd', 9_144, 10_000],
    ['mi', 1_609_344, 1_000],
    ['nmi', 1_852],
  ],
  area: [
    ['m2 m²', 1],
    ['km2 km²', 1_000_000],
    ['ha', 10_000],
    ['cm2 cm²', 1, 10_000],
    ['mm2 mm²', 1, 1_000_000],
    ['ft2 ft²', 9_290_304, 1e8],
    ['in2 in²', 64_516, 1e8],
    ['acre', 40_468_564_224, 1e7],
  ],
  volume: [
    ['m3 m³', 1],
    ['L l', 1, 1_000],
    ['hL', 1, 10],
    ['mL ml', 1, 1_000_000],
    ['cm3 cm³', 1, 1_000_000],
    ['gal', 3_785_411_784, 1e12],
    ['gal_uk', 454_609, 1e8],
    ['floz', 29_573_529_562_5, 1e16],
    ['ft3 ft³', 28_316_846_592, 1e12],
    ['in3 in³', 16_387_064, 1e12],
    ['bbl', 158_987_294_928, 1e12],
  ],
  flow: [
    ['m3/s m³/s', 1],
    ['m3/h m³/h', 1, 3_600],
    ['L/s l/s', 1, 1_000],
    ['L/min l/min', 1, 60_000],
    ['L/h l/h', 1, 3_600_000],
    ['gpm', 3_785_411_784, 6e13],
    ['cfm', 28_316_846_592, 6e13],
  ],
  mass: [
    ['kg', 1],
    ['g', 1, 1_000],
    ['mg', 1, 1_000_000],
    ['ug µg μg', 1, 1e9],
    ['t', 1_000],
    ['lb', 45_359_237, 1e8],
    ['oz', 28_349_523_125, 1e12],
    ['st', 635_029_318, 1e8],
    ['ton', 90_718_474, 1e5],
  ],
  force: [
    ['N', 1],
    ['kN', 1_000],
    ['lbf', 44_482_216_152_605, 1e13],
    ['kgf', 980_665, 1e5],
  ],
  torque: [
    ['Nm', 1],
    ['lbft', 13_558_179_483_314, 1e13],
    ['lbin', 11_298_482_902_762, 1e14],
  ],
  speed: [
    ['m/s', 1],
    ['km/h kph', 10, 36],
    ['mph', 44_704, 100_000],
    ['kn', 1_852, 3_600],
    ['ft/s', 3_048, 10_000],
    ['mm/s', 1, 1_000],
    ['in/s', 254, 10_000],
  ],
  acceleration: [
    ['m/s2 m/s²', 1],
    ['g0', 980_665, 1e5],
    ['ft/s2 ft/s²', 3_048, 10_000],
  ],
  energy: [
    ['J', 1],
    ['kJ', 1_000],
    ['MJ', 1_000_000],
    ['Wh', 3_600],
    ['kWh', 3_600_000],
    ['MWh', 3.6e9],
    ['cal', 4_184, 1_000],
    ['kcal', 4_184],
    ['BTU', 105_505_585_262, 1e8],
    ['therm', 105_505_585_262, 1e3],
  ],
  power: [
    ['W', 1],
    ['mW', 1, 1_000],
    ['kW', 1_000],
    ['MW', 1_000_000],
    ['hp', 74_569_987_158_227, 1e11],
    ['PS', 73_549_875, 1e5],
    ['BTU/h', 105_505_585_262, 3.6e11],
  ],
  angle: [
    ['rad', 1],
    ['deg °', Math.PI, 180],
    ['grad', Math.PI, 200],
    ['turn', 2 * Math.PI],
  ],
  'angular speed': [
    ['rad/s', 1],
    ['rpm', 2 * Math.PI, 60],
    ['deg/s', Math.PI, 180],
  ],
  frequency: [
    ['Hz', 1],
    ['kHz', 1_000],
    ['MHz', 1_000_000],
    ['GHz', 1e9],
    ['1/min', 1, 60],
  ],
  time: [
    ['s', 1],
    ['ms', 1, 1_000],
    ['us µs μs', 1, 1_000_000],
    ['ns', 1, 1e9],
    ['min', 60],
    ['h', 3_600],
    ['d', 86_400],
    ['week', 604_800],
  ],
  voltage: [
    ['V', 1],
    ['mV', 1, 1_000],
    ['uV µV μV', 1, 1_000_000],
    ['kV', 1_000],
  ],
  current: [
    ['A', 1],
    ['mA', 1, 1_000],
    ['uA µA μA', 1, 1_000_000],
    ['kA', 1_000],
  ],
  resistance: [
    ['ohm Ω', 1],
    ['mohm mΩ', 1, 1_000],
    ['kohm kΩ', 1_000],
    ['Mohm MΩ', 1_000_000],
  ],
  data: [
    ['B', 1],
    ['bit', 1, 8],
    ['kB', 1_000],
    ['MB', 1e6],
    ['GB', 1e9],
    ['TB', 1e12],
    ['KiB', 1_024],
    ['MiB', 1_048_576],
    ['GiB', 1_073_741_824],
    ['TiB', 1_099_511_627_776],
  ],
  ratio: [
    ['1', 1],
    ['%', 1, 100],
    ['permille ‰', 1, 1_000],
    ['ppm', 1, 1_000_000],
    ['ppb', 1, 1e9],
  ],
}

/** By every name it has. */
export const units: ReadonlyMap<string, Unit> = new Map(
  Object.entries(quantities).flatMap(([quantity, rows]) =>
    rows.flatMap(([names, times, by = 1, shift = 0]) =>
      names.split(' ').map((name): [string, Unit] => [name, { quantity, times, by, shift }]),
    ),
  ),
)

/** The names of each quantity's units, the first of those that are one unit, for the reference. */
export const unitNames: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(quantities).map(([quantity, rows]) => [quantity, rows.map(([names]) => names.split(' ', 1)[0]!)]),
)
