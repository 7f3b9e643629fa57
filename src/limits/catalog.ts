/** Bounds of the catalog: products, their images, what buyers say of them, and files full of them. */

const KIB = 1_024
const MIB = 1_024 * KIB

/** Characters. The tables check the same. */
export const productTitleLengthMax = 300
export const productDescriptionLengthMax = 10_000
export const brandLengthMax = 100
export const productImagesMax = 20
export const imageUrlLengthMax = 2_000
export const specificationsMax = 100
/** Of all of them as JSON. */
export const specificationsLengthMax = 50_000
export const specificationNameLengthMax = 100
export const specificationValueLengthMax = 300
/** Products of one page; each takes a row and, where its availability is shown, a look at the engine. */
export const productPageMax = 100
export const reviewTitleLengthMax = 150
export const reviewTextLengthMax = 5_000
export const reviewPageMax = 100
/** Reviews that a product's own page shows, the newest. */
export const reviewsShownMax = 10
/** Of one import. Its time is bounded too, see `uploadTimeoutMs`. */
export const importBytesMax = 256 * MIB
export const importLinesMax = 200_000
/** Of one line, or of one record of several lines. */
export const importLineBytesMax = 64 * KIB
export const importRecordLinesMax = 1_000
/** Products that one transaction takes: enough to pay for its sync, and few enough that others do not wait for it. */
export const importBatchMax = 200
/** Imports of one listener at once: each of them is a client that never waits for its own replies. */
export const importsMax = 2
/** Results that a client has not taken yet; beyond it no more lines are read until it does. */
export const importUnreadBytesMax = 8 * MIB
/** Of one image, and of its pixels: what a browser unpacks of a few bytes must not be without end. */
export const imageBytesMax = 5 * MIB
export const imagePixelsMax = 50_000_000
/** With what stands around the image. */
export const multipartBytesMax = imageBytesMax + 16 * KIB
/** Uploads of one listener at once, each of them whole in memory. */
export const imageUploadsMax = 8
/** Of these, how many are written at once: journals sync in the same pool of threads. */
export const imagesKeptAtOnceMax = 1
export const imageReadBytes = 64 * KIB
/** Of images that one listener has in memory for readers who take their time; beyond it they are turned away. */
export const imagesSentBytesMax = 64 * MIB
/**
 * Readers of one listener who wait for a store on another machine. Where it stands still they fill up in a moment, and must not
 * take the room of those who want to buy.
 */
export const imageReadersMax = 256
/** Products that one reading brings, for a cart. */
export const productsReadMax = 100
