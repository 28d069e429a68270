#include "native/images/jpeg.h"

#include "native/core/cancel.h"
#include "native/core/integers.h"
#include "native/images/place_rows.h"

#ifdef FACENET_JPEG
#include <jpeglib.h>

#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it
#include <cstring>
#include <string_view>

#ifndef LIBJPEG_TURBO_VERSION
#error "jpeglib.h is not that of libjpeg-turbo"
#endif
#endif

namespace facenet {
namespace {

bool turned(int orientation) {
  return orientation >= 5;
}

int64_t shrunk(int64_t side, int shrink) {
  return ceilDivide(side, static_cast<int64_t>(shrink));
}

}  // namespace

JpegSize displayedSize(const JpegFile& file) {
  const int64_t width = shrunk(file.width, file.shrink), height = shrunk(file.height, file.shrink);
  return turned(file.orientation) ? JpegSize{height, width} : JpegSize{width, height};
}

#ifdef FACENET_JPEG

namespace {

// A progressive file may repeat scans without end. Photographs have about ten; libvips stops here too.
constexpr int mostScans = 100;
// Rows that are decoded at a time: a row of blocks with chroma at half the size.
constexpr int rowsAtATime = 16;

enum class End { done, leftUndone, cancelled };

// libjpeg leaves by longjmp, over frames in which nothing has a destructor, to `decodeRows`. What that frame changes and
// reads afterwards is here and not in it.
struct Decoder {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf leave;
  const std::atomic<int32_t>* cancel;
  bool cancelled;
};

Decoder& decoderOf(j_common_ptr info) {
  return *static_cast<Decoder*>(info->client_data);
}

[[noreturn]] void onError(j_common_ptr info) {
  std::longjmp(decoderOf(info).leave, 1);
}

// A warning is damage of which libvips may think otherwise.
void onMessage(j_common_ptr info, int level) {
  if (level < 0) onError(info);
}

void onProgress(j_common_ptr common) {
  Decoder& decoder = decoderOf(common);
  if (decoder.cancel && decoder.cancel->load(std::memory_order_relaxed) != 0) {
    decoder.cancelled = true;
    onError(common);
  }
  if (decoder.info.input_scan_number > mostScans) onError(common);
}

void prepare(Decoder& decoder, const std::atomic<int32_t>* cancel) {
  decoder = {};
  decoder.cancel = cancel;
  // Not jpeg_std_error, with texts that nobody reads and stderr, which Debian's libjpeg.a names in a way that only programs can
  // be linked with.
  decoder.info.err = &decoder.errors;
  decoder.errors.error_exit = onError;
  decoder.errors.emit_message = onMessage;
  decoder.errors.output_message = [](j_common_ptr) {};
  decoder.errors.format_message = [](j_common_ptr, char* text) { *text = 0; };
  decoder.errors.reset_error_mgr = [](j_common_ptr) {};
  decoder.progress.progress_monitor = onProgress;
  decoder.info.client_data = &decoder;
}

// Grey, or luma at the full size with both chroma channels of one size, whole or half each way.
bool isPlain(const jpeg_decompress_struct& info) {
  if (info.data_precision != 8) return false;
  if (info.jpeg_color_space == JCS_GRAYSCALE) return info.num_components == 1;
  if (info.num_components != 3 || (info.jpeg_color_space != JCS_YCbCr && info.jpeg_color_space != JCS_RGB))
    return false;
  const jpeg_component_info &luma = info.comp_info[0], &blue = info.comp_info[1], &red = info.comp_info[2];
  const int across = luma.h_samp_factor, down = luma.v_samp_factor;
  if (blue.h_samp_factor != red.h_samp_factor || blue.v_samp_factor != red.v_samp_factor) return false;
  return (blue.h_samp_factor == across || blue.h_samp_factor * 2 == across) &&
         (blue.v_samp_factor == down || blue.v_samp_factor * 2 == down);
}

// Where scans are missing, libraries differ in how they smooth over that.
bool isComplete(const jpeg_decompress_struct& info) {
  if (!info.progressive_mode || !info.coef_bits) return true;
  for (int component = 0; component < info.num_components; ++component)
    for (int i = 0; i < DCTSIZE2; ++i)
      if (info.coef_bits[component][i] != 0) return false;
  return true;
}

// Ultra HDR: a second image behind the first one brightens it, where the decoder knows of that.
bool hasGainMap(const jpeg_source_mgr& source) {
  const std::string_view rest(reinterpret_cast<const char*>(source.next_input_byte), source.bytes_in_buffer);
  return rest.find("hdr-gain-map") != rest.npos || rest.find("iso:ts:21496") != rest.npos;
}

End decodeRows(Decoder& decoder, const JpegFile& file, const JpegRegion& region, uint8_t* out,
               uint8_t* rows) {
  jpeg_decompress_struct& info = decoder.info;
  if (setjmp(decoder.leave) != 0) return decoder.cancelled ? End::cancelled : End::leftUndone;
  jpeg_create_decompress(&info);
  info.progress = &decoder.progress;
  jpeg_mem_src(&info, file.bytes, static_cast<unsigned long>(file.length));
  jpeg_read_header(&info, TRUE);
  // Before anything of the image's size is allocated.
  if (info.image_width != file.width || info.image_height != file.height || !isPlain(info))
    return End::leftUndone;
  info.out_color_space = JCS_RGB;
  info.scale_num = 1;
  info.scale_denom = static_cast<unsigned>(file.shrink);
  info.dct_method = JDCT_ISLOW;
  info.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&info);
  if (!isComplete(info)) return End::leftUndone;
  const int64_t width = info.output_width, height = info.output_height;
  if (width != shrunk(file.width, file.shrink) || height != shrunk(file.height, file.shrink))
    return End::leftUndone;

  const Orientation orientation = orientationOf(file.orientation, width, height);
  JSAMPROW pointers[rowsAtATime];
  for (int i = 0; i < rowsAtATime; ++i) pointers[i] = rows + i * width * 3;
  while (info.output_scanline < info.output_height) {
    const int64_t first = info.output_scanline;
    const unsigned count = std::min<unsigned>(rowsAtATime, info.output_height - info.output_scanline);
    for (unsigned have = 0; have < count;) have += jpeg_read_scanlines(&info, pointers + have, count - have);
    placeRows(orientation, rows, width, first, count, region, out);
  }
  jpeg_finish_decompress(&info);
  return hasGainMap(*info.src) ? End::leftUndone : End::done;
}

}  // namespace

std::string jpegVersion() {
#define FACENET_TEXT(x) #x
#define FACENET_TEXT_OF(x) FACENET_TEXT(x)
  return FACENET_TEXT_OF(LIBJPEG_TURBO_VERSION);
}

bool decodeJpeg(const JpegFile& file, const JpegRegion& region, uint8_t* out, std::vector<uint8_t>& rows,
                const std::atomic<int32_t>* cancel) {
  throwIfCancelled(cancel);
  rows.resize(static_cast<size_t>(shrunk(file.width, file.shrink)) * 3 * rowsAtATime);
  Decoder decoder;
  prepare(decoder, cancel);
  const End end = decodeRows(decoder, file, region, out, rows.data());
  jpeg_destroy_decompress(&decoder.info);
  if (end == End::cancelled) throwIfCancelled(cancel);
  return end == End::done;
}

#else

std::string jpegVersion() {
  return {};
}

bool decodeJpeg(const JpegFile&, const JpegRegion&, uint8_t*, std::vector<uint8_t>&,
                const std::atomic<int32_t>*) {
  return false;
}

#endif

}  // namespace facenet
