/** How a check can fail; the same words as the offline verifier's (docs/formats/receipts.md). */
export type Outcome = 'good' | 'broken' | 'incomplete' | 'malformed' | 'unavailable'

export class CheckError extends Error {
  readonly outcome: Exclude<Outcome, 'good'>

  constructor(outcome: Exclude<Outcome, 'good'>, message: string) {
    super(message)
    this.name = 'CheckError'
    this.outcome = outcome
  }
}

export const malformed = (message: string): CheckError => new CheckError('malformed', message)
export const broken = (message: string): CheckError => new CheckError('broken', message)
export const incomplete = (message: string): CheckError => new CheckError('incomplete', message)
