//! What a decoder makes: reconstructions, cleaned images, the latent space, new images.
//!
//! | file | responsibility |
//! |---|---|
//! | `reconstruction` | original, latent, reconstruction side by side |
//! | `denoise` | images before and after cleaning |
//! | `latent` | where latents lie, and what the decoder draws between them |
//! | `sampling` | new images from random latents |
//! | `reconstructor` | a model that is ready to draw |
//! | `inputs` | the images of a call, and where its picture goes |

pub mod denoise;
pub mod latent;
pub mod reconstruction;
pub mod sampling;

mod inputs;
mod reconstructor;
