/** Why the reading of a connection rests; several may hold at once. */
export const Rest = { admission: 1, answers: 2, subscriber: 4, unheard: 8 } as const
export type Rest = (typeof Rest)[keyof typeof Rest]
