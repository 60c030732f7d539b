import pytest
import tensorflow as tf

from pld_tf.data.store.tfrecord import framed_bytes, read_record


@pytest.fixture
def shard(tmp_path):
    """Three records of 5 bytes, as TensorFlow writes them."""
    path = tmp_path / "shard.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in (b"first", b"2ndxx", b"third"):
            writer.write(content)
    return path


def test_each_record_is_found_where_tensorflow_wrote_it(shard):
    assert shard.stat().st_size == 3 * framed_bytes(5)
    found = [read_record(shard, number, content_bytes=5) for number in range(3)]
    assert found == [b"first", b"2ndxx", b"third"]


@pytest.mark.parametrize(("number", "content_bytes"), [(3, 5), (0, 6), (0, 4)])
def test_a_record_that_is_not_there_or_has_another_size_is_refused(shard, number, content_bytes):
    with pytest.raises(ValueError, match=f"record {number} is not whole, or has another size"):
        read_record(shard, number, content_bytes=content_bytes)


def test_a_record_that_is_cut_off_is_refused(shard):
    shard.write_bytes(shard.read_bytes()[: 2 * framed_bytes(5) + 14])
    with pytest.raises(ValueError, match="record 2"):
        read_record(shard, 2, content_bytes=5)
